"""`make test`: every test that this machine can run, what was left out and why, and one closing line.

Unit tests first, in parcels side by side, then JS, then a real Chromium. With CI=true nothing may be left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as Tree
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import jstest

ROOT = Path(__file__).resolve().parent.parent
CI = os.environ.get("CI") == "true"
MOST = 10  # files in a parcel
FIRST = ("worker", "trainers", "app")
Result = tuple[int, int, Counter[str]]


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


def pytest(*words: str, env: dict[str, str] | None = None, quiet: bool = False) -> tuple[Result, str]:
    """(passed, failed, left out by reason) of a pytest run, and its output if it was to be quiet.

    A run that breaks off counts as one failure.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        durations = ("--durations=5", "--durations-min=5")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *durations, f"--junitxml={report}", *words],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
            text=True,
            check=False,
        )
        if not report.exists():
            return (0, 1, Counter()), done.stdout or ""
        cases = list(Tree.parse(report).iter("testcase"))
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = Counter(reason(s) for case in cases if (s := case.find("skipped")) is not None)
    passed = len(cases) - failed - skipped.total()
    if done.returncode not in (0, 1, 5) or (done.returncode == 1 and not failed):
        failed += 1
    return (passed, failed, skipped), done.stdout or ""


def parcels() -> list[list[str]]:
    """The unit tests in parcels of one folder's files, those that take long first."""
    found: dict[Path, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if "e2e" not in path.relative_to(ROOT).parts:
            found.setdefault(path.parent, []).append(str(path.relative_to(ROOT)))
    cut = [files[i : i + MOST] for files in found.values() for i in range(0, len(files), MOST)]

    def rank(parcel: list[str]) -> tuple[int, int]:
        place = Path(parcel[0]).parts[1]
        return (FIRST.index(place) if place in FIRST else len(FIRST)), -len(parcel)

    return sorted(cut, key=rank)


def units(total: Total) -> None:
    """Parcels side by side, as many as there are cores; each prints when it is done."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    lanes = max(1, min(cores, 4))
    print(f"== unit tests, {lanes} at a time", flush=True)
    env = {"OMP_NUM_THREADS": "1"} if lanes > 1 else {}

    def one(parcel: list[str]) -> Result:
        began = time.monotonic()
        counted, said = pytest(*parcel, env=env, quiet=True)
        place = Path(parcel[0]).parent
        with printing:
            seconds = time.monotonic() - began
            print(f"-- {place}, {len(parcel)} files, {counted[0]} passed in {seconds:.0f} s", flush=True)
            if counted[1] or "slowest" in said:
                print(said, flush=True)
        return counted

    printing = threading.Lock()
    with ThreadPoolExecutor(lanes) as pool:
        for counted in pool.map(one, parcels()):
            total.add(*counted)


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
    units(total)
    scripts(total)
    print("== in a real Chromium", flush=True)
    total.add(*pytest("-m", "e2e", "tests/e2e")[0])
    for why, count in sorted(total.left_out.items()):
        print(f"left out ({count}): {why}")
    left_out = total.left_out.total()
    if CI and left_out:
        print("CI=true: nothing may be left out", flush=True)
    seconds = time.monotonic() - began
    print(f"{left_out} left out, {seconds:.0f} s", flush=True)
    print(f"{total.passed} passed, {total.failed} failed", flush=True)
    return 1 if total.failed or not total.passed or (CI and left_out) else 0


if __name__ == "__main__":
    sys.exit(main())
