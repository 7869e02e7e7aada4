"""Templates and contexts: what is documented is rendered, nothing is inline, everything is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError, meta, nodes

from app import pages
from app.pages import common
from app.pages.common import ENV, TEMPLATES, Page, base, context, live_count

ROOT = Path(__file__).parents[3]
SOURCES = sorted(TEMPLATES.rglob("*.html"))
INLINE = {
    "style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.I),
    "style element": re.compile(r"<style\b", re.I),
    "handler attribute": re.compile(r"<[a-z][^<>{}]*\son[a-z]+\s*=", re.I),
    "script without src": re.compile(r"<script\b(?![^>]*\ssrc=)", re.I),
    "javascript: address": re.compile(r"javascript:", re.I),
    "something from elsewhere": re.compile(r"(?:src|href)=\"(?:https?:)?//", re.I),
    "escaping switched off": re.compile(r"\|\s*safe\b|autoescape"),
}


def subclasses(cls: type[Page] = Page) -> Iterator[type[Page]]:
    pages.router()  # imports every page
    from app.pages import errors  # noqa: F401

    for found in cls.__subclasses__():
        yield found
        yield from subclasses(found)


def tree(name: str) -> set[str]:
    """A template with all that it extends, includes and imports."""
    found, waiting = set(), [name]
    while waiting:
        here = waiting.pop()
        if here not in found:
            found.add(here)
            source = ENV.loader.get_source(ENV, here)[0]  # type: ignore[union-attr]
            waiting += [n for n in meta.find_referenced_templates(ENV.parse(source)) if n]
    return found


def used(names: set[str]) -> tuple[set[str], set[str]]:
    """The variables that templates take from the context, without those that they set themselves; and those
    that a `with` gives to what stands within it, an included template among it."""
    found: set[str] = set()
    given: set[str] = set()
    for name in names:
        parsed = ENV.parse(ENV.loader.get_source(ENV, name)[0])  # type: ignore[union-attr]
        own = {n.name for n in parsed.find_all(nodes.Name) if n.ctx == "store"}
        own |= {macro.name for macro in parsed.find_all(nodes.Macro)}
        given |= {t.name for w in parsed.find_all(nodes.With) for t in w.targets if isinstance(t, nodes.Name)}
        found |= meta.find_undeclared_variables(parsed) - own
    return found - set(ENV.globals) - {"m", "f"}, given


@pytest.mark.parametrize("page", list(subclasses()), ids=lambda p: p.__name__)
def test_what_a_page_documents_is_what_its_template_uses(page: type[Page]) -> None:
    documented = {f.name for f in fields(page)} | {"nav"}
    rendered, given = used(tree(page.template))
    assert rendered - documented - given == set(), "the template uses what the page does not give"
    if "base.html" not in tree(page.template):  # a part of a page has no frame
        documented -= {f.name for f in fields(Page)} | {"nav"}
    assert documented - rendered == set(), "the page gives what the template does not use"
    assert page.__doc__


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: str(p.relative_to(TEMPLATES)))
def test_templates_keep_the_content_policy(source: Path) -> None:
    text = source.read_text("utf-8")
    assert {what: found for what, rule in INLINE.items() if (found := rule.findall(text))} == {}


@pytest.mark.parametrize("source", sorted((ROOT / "static").rglob("*.js")), ids=lambda p: p.name)
def test_scripts_keep_the_content_policy(source: Path) -> None:
    text = source.read_text("utf-8")
    assert (
        re.findall(r"\beval\(|new Function|setTimeout\(['\"`]|document\.write|https?://(?!www\.w3)", text)
        == []
    )


def test_every_template_and_stylesheet_is_used() -> None:
    reached = set().union(*(tree(page.template) for page in subclasses()))
    partials = {f"parts/{name}.html" for name in ("launch_form", "runs_list")}
    assert {str(p.relative_to(TEMPLATES)) for p in SOURCES} - reached - partials == set()
    linked = " ".join(p.read_text("utf-8") for p in SOURCES)
    unlinked = [p.name for p in (ROOT / "static/css").glob("*.css") if f"/static/css/{p.name}" not in linked]
    assert unlinked == []


def test_an_undefined_name_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        ENV.from_string("{{ nothing }}").render()


def test_text_is_escaped_by_the_macros() -> None:
    parts = ("m.tags([t])", "m.nothing(t, t)", "m.err(t, t)", "m.band('claimed', t)")
    text = "{% import 'parts/macros.html' as m %}" + "".join(f"{{{{ {part} }}}}" for part in parts)
    html = ENV.from_string(text).render(t='<b onclick="x">&')
    assert "<b " not in html
    assert html.count("&lt;b onclick=&#34;x&#34;&gt;&amp;") == 6


@pytest.mark.parametrize("status", ["queued", "running", "stopping", "finished", "stopped", "failed", "lost"])
def test_a_status_has_its_glyph_and_its_word(status: str) -> None:
    html = ENV.from_string("{% import 'parts/macros.html' as m %}{{ m.status(s) }}").render(s=status)
    glyph = re.search(r'href="#g-(\w+)"', html)
    assert status in html
    assert glyph is not None
    assert f'id="g-{glyph[1]}"' in (TEMPLATES / "parts/icons.html").read_text("utf-8")
    assert ("bad" in html) == (status in ("failed", "lost"))


def test_every_icon_that_is_used_exists() -> None:
    icons = set(re.findall(r'id="g-([\w-]+)"', (TEMPLATES / "parts/icons.html").read_text("utf-8")))
    asked = set()
    for source in SOURCES:
        asked |= set(re.findall(r"""icon\(["']([\w-]+)["']\)""", source.read_text("utf-8")))
    for source in (ROOT / "static/js").glob("*.js"):
        asked |= set(re.findall(r"""#g-([a-z]+)""", source.read_text("utf-8")))
    assert asked - icons == set()


class TestServed:
    @pytest.mark.parametrize(
        ("cookie", "theme"), [("dark", "dark"), ("light", "light"), ('"><script>', ""), ("", "")]
    )
    def test_the_theme_comes_from_the_cookie_alone(self, client: Any, cookie: str, theme: str) -> None:
        html = client.get("/help", headers={"Cookie": f"theme={cookie}"} if cookie else {}).text
        assert re.findall(r'<html lang="en"( data-theme="\w+")?>', html) == [
            f' data-theme="{theme}"' if theme else ""
        ]

    def test_pages_are_never_kept_by_a_cache(self, client: Any) -> None:
        for path in ("/", "/launch", "/help"):
            answer = client.get(path)
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "no-store"

    def test_the_bar_has_only_pages_that_answer(self, client: Any, parse: Callable[[str], Any]) -> None:
        page = parse(client.get("/help").text)
        links = [a.attrs["href"] for a in page.one("nav", class_="nav").all("a")]
        assert links == ["/", "/compare", "/listen", "/launch", "/plans", "/bands", "/doctor"]
        assert page.one("a", class_="skip").attrs["href"] == "#main"
        for link in links:
            assert client.get(link, headers={"accept": "text/html"}).status_code == 200

    def test_the_bar_counts_what_runs_and_waits(
        self, database: Any, make_run: Callable[..., str], counted: Callable[[], Any]
    ) -> None:
        for status in ("queued", "running", "running", "finished"):
            make_run(status=status)
        make_run(status="queued", archived=True)
        with counted() as queries, database.reading() as session:
            assert live_count(session) == "2 running, 1 queued"
        assert len(queries) == 1


def test_a_context_is_the_fields_and_the_place_in_the_bar() -> None:
    class Some(Page):
        nav = "runs"

    class Ask:
        cookies = {"theme": "dark"}

    assert context(Some(**base(Ask(), None, "T"))) == {  # type: ignore[arg-type]
        "title": "T",
        "theme": "dark",
        "live_count": "",
        "nav": "runs",
    }
    assert common.LETTERS == "ABCDEFGH"
