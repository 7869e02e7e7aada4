"""``python -m doctor PATH``: a diagnosis of a run folder, a journal or a CSV from anyone's training."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from typing import NoReturn

from doctor.engine import diagnose
from doctor.findings import Diagnosis, Finding
from doctor.reading import Unusable, read
from doctor.view import LOSSES, RunView

USAGE = 2


class Parser(argparse.ArgumentParser):
    """Bad input is one line on stderr and status 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"doctor: {message}; see python -m doctor --help\n")


def parser() -> Parser:
    made = Parser(prog="python -m doctor", description=__doc__)
    made.add_argument("path", help="a run folder, a journal, or a CSV with a step column")
    made.add_argument("--adv-loss", choices=LOSSES, help="form of the adversarial loss")
    made.add_argument("--n-sub", type=_at_least_one, help="how many sub-discriminators the loss covers")
    made.add_argument("--reduction", choices=("sum", "mean"), help="how it joins them")
    made.add_argument("--until", type=int, help="look at nothing past this step")
    made.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    return made


def _at_least_one(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is too small; the least is 1")
    return number


def view_of(args: argparse.Namespace) -> RunView:
    """The run at ``args.path`` with the flags put over what the recipe says."""
    view = read(args.path)
    said = {"adv_loss": args.adv_loss, "n_sub": args.n_sub, "reduction": args.reduction}
    view = replace(view, facts=replace(view.facts, **{k: v for k, v in said.items() if v is not None}))
    if args.until is None:
        return view
    cut = view.until(args.until)
    if not any(len(t) for t in cut.tracks.values()):
        raise Unusable(
            f"{args.path}: nothing was reported up to step {args.until}; the first step is {view.first_step}"
        )
    return cut


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        diagnosis = diagnose(view_of(args))
    except Unusable as problem:
        print(f"doctor: {problem}", file=sys.stderr)
        return USAGE
    text = json.dumps(diagnosis.to_dict(), allow_nan=False) if args.json else told(diagnosis)
    try:
        print(text, flush=True)
    except BrokenPipeError:  # whoever reads has seen enough; what is left goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def told(diagnosis: Diagnosis) -> str:
    """The diagnosis in words."""
    lines = [f"verdict: {diagnosis.verdict}"]
    for finding in diagnosis.findings:
        lines += ["", *_finding(finding)]
    if diagnosis.could_not_look:
        lines += [
            "",
            f"{len(diagnosis.looked)} rules looked; {len(diagnosis.could_not_look)} could not, for want of:",
        ]
        lines += [f"  {code}: {', '.join(names)}" for code, names in diagnosis.could_not_look.items()]
    return "\n".join(lines)


def _finding(f: Finding) -> list[str]:
    lines = [
        f"{f.severity.upper()} {f.code}: {f.title} (steps {f.step_from:,} to {f.step_to:,})",
        f"  {f.claim}",
    ]
    for e in f.evidence:
        shown = (
            f"{e.values[0]:.4g} at {e.steps[0]:,} … {e.values[-1]:.4g} at {e.steps[-1]:,}"
            if e.steps
            else "none"
        )
        lines.append(f"  evidence {e.series}: {shown}")
    for number, s in enumerate(f.suspects, 1):
        lines.append(f"  suspect {number}: {s.text}" + (f" (test: {s.test})" if s.test else ""))
    for r in f.remedies:
        patch = " ".join(f"{k}={v}" for k, v in r.patch.items())
        lines.append(f"  try: {r.text}" + (f" [{patch}]" if patch else ""))
    return lines


if __name__ == "__main__":
    sys.exit(main())
