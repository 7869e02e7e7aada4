"""`make test`: every test that this machine can run, what was left out and why, and one closing line.

Unit tests first, then JS, then a real Chromium. With CI=true nothing may be left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as Tree
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import jstest

ROOT = Path(__file__).resolve().parent.parent
CI = os.environ.get("CI") == "true"


@dataclass
class Total:
    """What has been counted so far; ``left_out`` is {reason: how many tests}."""

    passed: int = 0
    failed: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def add(self, passed: int, failed: int, left_out: Counter[str]) -> None:
        self.passed += passed
        self.failed += failed
        self.left_out += left_out


def suite(title: str, *words: str) -> tuple[int, int, Counter[str]]:
    """(passed, failed, left out by reason) of a pytest run; a run that breaks off counts as one failure."""
    print(f"== {title}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "--durations=5",
                "--durations-min=3",
                f"--junitxml={report}",
                *words,
            ],
            cwd=ROOT,
            check=False,
        )
        if not report.exists():
            return 0, 1, Counter()
        cases = list(Tree.parse(report).iter("testcase"))
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = Counter(reason(s) for case in cases if (s := case.find("skipped")) is not None)
    passed = len(cases) - failed - skipped.total()
    if done.returncode not in (0, 1, 5) or (done.returncode == 1 and not failed):
        failed += 1
    return passed, failed, skipped


def reason(skipped: Tree.Element) -> str:
    text = skipped.get("message") or (skipped.text or "").strip() or "no reason given"
    return re.sub(r"^Skipped: ", "", text.splitlines()[0])


def scripts(total: Total) -> None:
    print("== JS tests", flush=True)
    found = jstest.run()
    if found.why:
        total.left_out[f"JS tests: {found.why}"] += 1
    total.add(
        found.passed, found.failed, Counter({"skipped in a JS test": found.skipped} if found.skipped else {})
    )


def main() -> int:
    began = time.monotonic()
    total = Total()
    total.add(*suite("unit tests"))
    scripts(total)
    total.add(*suite("in a real Chromium", "-m", "e2e", "tests/e2e"))
    for why, count in sorted(total.left_out.items()):
        print(f"left out ({count}): {why}")
    left_out = total.left_out.total()
    if CI and left_out:
        print("CI=true: nothing may be left out", flush=True)
    seconds = time.monotonic() - began
    print(f"{total.passed} passed, {total.failed} failed, {left_out} left out in {seconds:.0f} s", flush=True)
    return 1 if total.failed or not total.passed or (CI and left_out) else 0


if __name__ == "__main__":
    sys.exit(main())
