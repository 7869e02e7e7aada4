"""Notes in Markdown as safe HTML: CommonMark with tables and strikethrough, by markdown-it-py.

Raw HTML stays text. Links keep only http, https, mailto and addresses of this server, and tell the other side
nothing (``rel="noopener noreferrer nofollow"``). Pictures become links: the content security policy loads none from
elsewhere, and a picture would tell its host who reads the note. Headings begin at h3, below the page's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

SCHEMES = ("http", "https", "mailto")
MOST_NESTED = 20


class _Renderer(RendererHTML):
    """HTML with our links, headings and no pictures."""

    def link_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        href = str(tokens[idx].attrGet("href") or "")
        return f'<a href="{escape(href)}" rel="noopener noreferrer nofollow">'

    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        source, text = str(tokens[idx].attrGet("src") or ""), tokens[idx].content or "picture"
        if not allowed(source):
            return str(escape(text))
        return f'<a href="{escape(source)}" rel="noopener noreferrer nofollow">{escape(text)}</a>'

    def heading_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return f"<h{_level(tokens[idx])}>"

    def heading_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return f"</h{_level(tokens[idx])}>\n"

    def _cell(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        right = "right" in str(tokens[idx].attrGet("style") or "")
        mark = ' class="n"' if right else ""  # no style attribute: the policy forbids it
        return f"<{tokens[idx].tag}{mark}>"

    th_open = td_open = _cell

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return f'<pre class="code">{escape(tokens[idx].content)}</pre>\n'

    code_block = fence


def _level(token: Token) -> int:
    return min(6, int(token.tag[1:]) + 2)


def allowed(href: str) -> bool:
    """Whether a link may lead there: by a scheme of `SCHEMES`, or within this server."""
    plain = "".join(c for c in href if c.isprintable() and not c.isspace())
    try:
        parts = urlsplit(plain)
    except ValueError:
        return False
    if parts.scheme:
        return parts.scheme.lower() in SCHEMES
    return not plain.startswith("//") and "\\" not in plain


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    made = MarkdownIt(
        "commonmark", {"html": False, "linkify": False, "maxNesting": MOST_NESTED}, renderer_cls=_Renderer
    ).enable(["table", "strikethrough"])
    made.validateLink = allowed  # type: ignore[method-assign, assignment]
    return made


def rendered(text: str) -> Markup:
    """The text as HTML that may stand in a page as it is."""
    return Markup(_parser().render(text.replace("\0", "\ufffd")))


def plain(text: str, most: int = 300) -> str:
    """The words of a text in Markdown in one line, for where there is room for one only."""
    words: list[str] = []
    for token in _parser().parse(text[:2000].replace("\0", "\ufffd")):
        if token.type in ("fence", "code_block"):
            words.append(token.content)
        for child in token.children or ():
            words.append(" " if child.type in ("softbreak", "hardbreak") else child.content)
        words.append(" ")
    return " ".join("".join(words).split())[:most]
