"""Notes in Markdown: what they become, and what never gets through."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.markdown import allowed, plain, rendered


def test_what_people_write_becomes_html() -> None:
    html = rendered(
        "# Why\n\n**thin** ~~loud~~ `x<y` [log](https://a.example/x)\n\n- one\n\n|a|b|\n|-|-:|\n|1|2|\n"
    )
    assert "<h3>Why</h3>" in html
    assert "<strong>thin</strong> <s>loud</s> <code>x&lt;y</code>" in html
    assert '<a href="https://a.example/x" rel="noopener noreferrer nofollow">log</a>' in html
    assert '<td class="n">2</td>' in html
    assert "style=" not in html


def test_pictures_become_links_and_html_stays_text() -> None:
    html = rendered("![p](https://a.example/x.png) <img src=x onerror=alert(1)>\n\n<script>alert(1)</script>")
    assert "<img" not in html
    assert "<script" not in html
    assert '<a href="https://a.example/x.png"' in html


@pytest.mark.parametrize(
    "href",
    ["javascript:x", "JaVa\tScript:x", "data:text/html,x", "vbscript:x", "//evil.example", "file:///x"],
)
def test_links_lead_only_where_they_may(href: str) -> None:
    assert not allowed(href)
    assert "href" not in rendered(f"[x]({href}) ![y]({href})")


@given(st.text(max_size=200))
def test_no_text_opens_a_tag_or_attribute_of_its_own(text: str) -> None:
    html = rendered(text)
    tags = set(re.findall(r"<(/?[a-z0-9]+)", html))
    known = {
        "p",
        "h3",
        "h4",
        "h5",
        "h6",
        "strong",
        "em",
        "s",
        "code",
        "pre",
        "a",
        "ul",
        "ol",
        "li",
        "blockquote",
    }
    known |= {"hr", "br", "table", "thead", "tbody", "tr", "th", "td"}
    assert {t.strip("/") for t in tags} <= known
    assert not re.search(r"<[^>]*\son\w+=", html)


def test_one_line_says_the_words_alone() -> None:
    assert plain("# A\n\n**b** [c](https://x)\n\n- d\n- e") == "A b c d e"
    assert plain("x" * 900, 10) == "x" * 10
