"""``make docs``: the generated pages of ``docs/doctor/``: the rule book, and the validation figures.

``python -m bench.docs [--logs DIR]``. Without logs the figures of published logs stay as they are; those of our own
trainers come from ``tests/doctor/recorded``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from bench import recorded
from bench.doctor import sensitivity
from doctor.engine import diagnose
from doctor.lint import CHECKS
from doctor.reading import Unusable
from doctor.rule import Rule
from doctor.rulebook import RULES
from doctor.validate import PARTS, TITLES, Judged, judge, runs, truths, validation
from doctor.view import RunView

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "doctor"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
OWN, END_OWN = "<!-- our own trainers -->", "<!-- end of our own trainers -->"


def rule_page(rule: Rule) -> str:
    """A rule as a page."""
    needs = "; or ".join(", ".join(f"`{n}`" for n in option) for option in rule.needs)
    sick = "\n".join(f"- {case.name}: {case.expect}" for case in rule.SICK)
    healthy = "\n".join(f"- {case.name}" for case in rule.HEALTHY)
    return (
        f"# {rule.title}\n\n`{rule.code}` · {rule.severity} at worst\n\n"
        f"## What it sees\n\n{rule.sees}\n\n## Why it matters\n\n{rule.why}\n\n## What to try\n\n{rule.try_}\n\n"
        f"## Needs\n\n{needs}\n\n## Its own cases\n\nSick:\n\n{sick}\n\nHealthy:\n\n{healthy}\n\n"
        f"Source: {rule.source}.\n"
    )


def index_page() -> str:
    """The rule book: one line a rule, and the lints."""
    lines = [
        "# The rule book",
        "",
        "Generated from the rules by `make docs`.",
        "",
        "| rule | worst | says |",
        "|---|---|---|",
    ]
    lines += [f"| [`{r.code}`](rules/{r.code}.md) | {r.severity} | {r.title} |" for r in RULES]
    lines += ["", "## Before the launch", "", "| lint | worst | says | source |", "|---|---|---|---|"]
    lines += [f"| `{c.code}` | {c.severity} | {c.title} | {c.source} |" for c in CHECKS]
    return "\n".join(lines) + "\n"


def figures(judged: list[Judged]) -> str:
    """The figures of a folder of logs as Markdown."""
    found = validation(judged)
    lines = ["| run | truth | all columns | without FID | two losses | lead (all) | lead (losses) |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for run in found["runs"]:
        cells = [_said(run[s]) for s in TITLES]
        leads = [_steps(run[s]["lead"]) for s in ("all", "losses")]
        lines.append("| " + " | ".join([run["run"], run["truth"], *cells, *leads]) + " |")
    lines += ["", "| seen | up to | recall | false alarms | median lead |", "|---|---|---|---|---|"]
    for sight, title in TITLES.items():
        score = found["scores"][sight]
        for part in PARTS:
            at = score if part == 100 else score["until"][str(part)]
            lead = _lead(score["lead"]) if part == 100 else ""
            lines.append(
                f"| {title} | {part} % | {_rate(at['recall'])} | {_rate(at['false_alarms'])} | {lead} |"
            )
    lines += [
        "",
        "By the form of the loss, from the two losses alone:",
        "",
        "| loss | recall | false alarms |",
        "|---|---|---|",
    ]
    for family, score in found["scores"]["losses"]["families"].items():
        lines.append(f"| {family} | {_rate(score['recall'])} | {_rate(score['false_alarms'])} |")
    return "\n".join(lines)


def moved(views: list[RunView]) -> str:
    """What the figures become when one threshold is moved."""
    lines = [
        "",
        "One threshold moved at a time:",
        "",
        "| threshold | value | recall | false alarms |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {what} | {x:g} | {hits} of {sick} | {alarms} of {well} |"
        for what, x, hits, sick, alarms, well in sensitivity(views)
    ]
    return "\n".join(lines)


def own(folder: Path) -> str:
    """What the doctor says of our own recorded runs, beside what it should say. Raises `Unusable`."""
    known = truths(folder)
    lines = [
        "| preset | seeds | truth | why | should find | finds (of all seeds) | *fail* | beside what was expected |",
        "|---|---|---|---|---|---|---|---|",
    ]
    views = dict(runs(folder))
    for side in recorded.SIDES:
        said: dict[str, int] = {}
        failed = 0
        for seed in side.seeds:
            diagnosis = diagnose(views[side.name(seed)])
            failed += diagnosis.verdict == "fail"
            for code in {f"{f.code} ({f.severity})" for f in diagnosis.findings if f.severity != "info"}:
                said[code] = said.get(code, 0) + 1
        many = len(side.seeds)
        should = ", ".join(f"{code} ({grade})" for code, grade in side.expect.items()) or "no failure"
        also = "; ".join(f"{code}: {why}" for code, why in side.also.items())
        finds = ", ".join(f"{code} {n} of {many}" for code, n in sorted(said.items())) or "nothing"
        cells = [
            f"{side.trainer} `{side.preset}`",
            str(many),
            side.truth,
            side.why,
            should,
            finds,
            f"{failed} of {many}",
            also,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    judged = [judge(name, view, known.get(name)) for name, view in views.items()]
    scores = validation(judged)["scores"]
    lines += ["", "| seen | recall | false alarms |", "|---|---|---|"]
    for sight, title in TITLES.items():
        of = scores[sight]
        lines.append(f"| {title} | {_rate(of['recall'])} | {_rate(of['false_alarms'])} |")
    return "\n".join(lines)


def _said(of: dict[str, Any]) -> str:
    if of["first_fail_step"] is None:
        return str(of["verdict"])
    return f"fail at {of['first_fail_step']:,} ({', '.join(of['failed_by'])})"


def _steps(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _lead(of: dict[str, Any]) -> str:
    if not of["of"]:
        return ""
    return f"{of['median']:,.0f} steps ({of['low']:,.0f} to {of['high']:,.0f})"


def _rate(of: dict[str, Any]) -> str:
    if of["rate"] is None:
        return "none to judge"
    return f"{of['rate']:.2f} ({of['hits']} of {of['of']}; {of['low']:.2f} to {of['high']:.2f})"


def with_figures(page: str, new: str, begin: str = BEGIN, end: str = END) -> str:
    """``page`` with what lies between the marks replaced."""
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{new}\n\n{end}{after}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.docs", description=__doc__)
    parser.add_argument("--logs", default="", help="folder of published logs")
    args = parser.parse_args(argv)
    book = FOLDER / "rules"
    book.mkdir(parents=True, exist_ok=True)
    pages = {f"{rule.code}.md": rule_page(rule) for rule in RULES}
    for stale in book.glob("*.md"):
        if stale.name not in pages:
            stale.unlink()
    for name, text in pages.items():
        (book / name).write_text(text, "utf-8")
    (FOLDER / "README.md").write_text(index_page(), "utf-8")
    print(f"docs/doctor: {len(pages)} rules")
    page = FOLDER / "validation.md"
    try:
        ours = own(recorded.FOLDER)
    except Unusable as problem:
        print(f"docs: {problem}", file=sys.stderr)
        return 2
    page.write_text(with_figures(page.read_text("utf-8"), ours, OWN, END_OWN), "utf-8")
    print(f"docs/doctor/validation.md: {sum(len(side.seeds) for side in recorded.SIDES)} runs of our own")
    if args.logs:
        try:
            found = runs(Path(args.logs))
            judged = [judge(name, view) for name, view in found]
        except Unusable as problem:
            print(f"docs: {problem}", file=sys.stderr)
            return 2
        new = figures(judged) + "\n" + moved([view for _, view in found])
        page.write_text(with_figures(page.read_text("utf-8"), new), "utf-8")
        print(f"docs/doctor/validation.md: {len(judged)} runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
