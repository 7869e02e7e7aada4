"""The shape of the house: sizes of files, words that do not belong, one name a page, no third-party front end."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("nashboard", "recipes", "doctor", "trainers", "app", "worker", "bench", "tools", "migrations")
LIMIT = 400


def tracked(*patterns: str) -> list[Path]:
    """Files that git knows or would add, so that the test also holds before a commit."""
    out = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [p for line in out.stdout.splitlines() if (p := ROOT / line).is_file()]


def test_no_source_file_is_longer_than_it_should_be() -> None:
    long = []
    for path in tracked("*.py", "*.js", "*.html"):
        lines = len(path.read_text("utf-8").splitlines())
        if lines > LIMIT and not path.is_relative_to(ROOT / "tests"):
            long.append(f"{path.relative_to(ROOT)}: {lines} lines")
    assert not long, "\n".join(
        [*long, f"Past {LIMIT} lines a file is a design question: split it by what it knows."]
    )


UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError|not implemented|for now)\b")
FOREIGN = re.compile(
    r"(?<![\w./])/(work|root|home)/[a-z]|files\.pythonhosted|pypi\.org/simple|registry\.npmjs"
)


@pytest.mark.parametrize(
    ("words", "why"), [(UNFINISHED, "unfinished"), (FOREIGN, "a path or host of one machine")]
)
def test_no_source_says_what_does_not_belong(words: re.Pattern[str], why: str) -> None:
    found = []
    for path in tracked(
        "*.py", "*.js", "*.html", "*.css", "*.md", "*.yaml", "*.yml", "*.toml", "Makefile", ".ci/*"
    ):
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if words.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:90]}")
    assert not found, "\n".join([f"{why}:", *found])


def test_every_test_asserts_something() -> None:
    idle = []
    for path in tracked("tests/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
            ):
                continue
            words = ("assert", "raises", "warns", "expect", "check", "fail")
            holds = any(
                isinstance(n, ast.Assert)
                or (isinstance(n, ast.Call) and any(w in ast.unparse(n.func) for w in words))
                for n in ast.walk(node)
            )
            if not holds:
                idle.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not idle, "\n".join([*idle, "A test that cannot fail proves nothing."])


def test_no_except_swallows_everything() -> None:
    found = []
    for folder in SOURCES:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ExceptHandler):
                    broad = node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")
                    idle = all(isinstance(s, ast.Pass | ast.Continue) for s in node.body)
                    if node.type is None or (broad and idle):
                        found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not found, "\n".join([*found, "Name the error that you expect, or say what happened."])


def test_a_page_has_one_name_everywhere() -> None:
    missing = []
    pages = [p.stem for p in (ROOT / "app/pages").glob("*.py") if p.stem not in ("__init__", "common")]
    for name in pages:
        if not (ROOT / f"tests/app/pages/test_{name}.py").is_file():
            missing.append(f"tests/app/pages/test_{name}.py")
    for name in ("runs", "launch", "run", "compare"):
        for path in (f"app/pages/{name}.py", f"templates/{name}.html", f"static/js/{name}.js"):
            if not (ROOT / path).is_file():
                missing.append(path)
    assert not missing, f"missing: {', '.join(missing)}"


def test_no_third_party_front_end_is_committed() -> None:
    strange = [p.name for p in tracked("static/*") if ".min." in p.name or "vendor" in p.parts]
    big = [p.name for p in tracked("static/*.js") if p.stat().st_size > 60_000]
    assert not strange + big, "plotly.min.js is served from the installed wheel; nothing else is needed"


def test_every_module_says_what_it_is() -> None:
    bare = []
    for folder in SOURCES:
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text("utf-8")
            if text.strip() and not ast.get_docstring(ast.parse(text)):
                bare.append(str(path.relative_to(ROOT)))
    assert not bare, f"no docstring at the top of: {', '.join(bare)}"
