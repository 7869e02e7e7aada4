"""What the tests of pages share: strict parsing, counting queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest

VOID = {"meta", "link", "input", "br", "hr", "img", "path", "circle", "rect", "use"}
LOOSE = {"p", "li", "option", "tr", "td", "th", "dt", "dd"}


@dataclass
class Element:
    tag: str
    attrs: dict[str, str]
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, tag: str = "", **attrs: str) -> list[Element]:
        """Every element below with this tag and these attributes (``class_`` is a word of the class)."""
        found = []
        for child in self.children:
            words = child.attrs.get("class", "").split()
            fits = all(v in words if k == "class_" else child.attrs.get(k) == v for k, v in attrs.items())
            if fits and (not tag or child.tag == tag):
                found.append(child)
            found += child.all(tag, **attrs)
        return found

    def one(self, tag: str = "", **attrs: str) -> Element:
        found = self.all(tag, **attrs)
        assert len(found) == 1, f"{len(found)} of <{tag} {attrs}>"
        return found[0]

    def words(self) -> str:
        """All text below, blanks squeezed."""
        return " ".join(" ".join([self.text, *(c.words() for c in self.children)]).split())


class Strict(HTMLParser):
    """A parser that minds what is left open, closed twice, or given twice."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("root", {})
        self.stack = [self.root]
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        made = Element(tag, {k: v or "" for k, v in attrs})
        if "id" in made.attrs:
            assert made.attrs["id"] not in self.ids, f"id {made.attrs['id']!r} twice"
            self.ids.add(made.attrs["id"])
        self.stack[-1].children.append(made)
        if tag not in VOID:
            self.stack.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag: str) -> None:
        while self.stack[-1].tag != tag:
            assert self.stack[-1].tag in LOOSE, f"</{tag}> while <{self.stack[-1].tag}> is open"
            self.stack.pop()
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.stack[-1].children.append(Element("#text", {}, data))


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """SQLite, unless a test asks for both: the pages themselves see no difference."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def parse() -> Callable[[str], Element]:
    """The page as a tree; fails on tags that do not match and on ids that occur twice."""

    def parsed(text: str) -> Element:
        parser = Strict()
        parser.feed(text)
        parser.close()
        assert len(parser.stack) == 1, f"left open: {[e.tag for e in parser.stack[1:]]}"
        return parser.root

    return parsed


@pytest.fixture
def counted(database: Any) -> Callable[[], Any]:
    """``with counted() as queries:`` → the SQL of every query inside, as a list."""
    from sqlalchemy import event

    @contextmanager
    def counting() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            if not statement.upper().startswith(("BEGIN", "PRAGMA", "SET", "SHOW")):
                seen.append(statement)

        event.listen(database.engine(), "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(database.engine(), "before_cursor_execute", note)

    return counting
