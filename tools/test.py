"""`make test`: every test that this machine can run, what was left out and why, and one closing line.

Unit tests and JS first, in parcels side by side, then a real Chromium. With CI=true nothing may be left out.
"""

from __future__ import annotations

import math
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
PARCEL = 50.0  # seconds that a parcel should take, for starting Python and importing torch takes some too
# seconds that a file takes, on a processor of its own; the longest name that fits counts
SECONDS = {
    "tests": 2.0,
    "tests/app": 2.0,
    "tests/app/api/test_openapi.py": 20.0,
    "tests/app/test_main.py": 70.0,
    "tests/bench": 5.0,
    "tests/doctor": 5.0,
    "tests/doctor/test_recorded.py": 12.0,
    "tests/doctor/test_wandering.py": 20.0,
    "tests/house": 5.0,
    "tests/nashboard": 3.0,
    "tests/recipes": 4.0,
    "tests/recipes/test_command.py": 12.0,
    "tests/recipes/test_vae.py": 11.0,
    "tests/trainers": 8.0,
    "tests/trainers/test_blind.py": 25.0,
    "tests/trainers/test_cli.py": 70.0,
    "tests/trainers/cgan/test_processes.py": 40.0,
    "tests/trainers/cgan/test_train.py": 100.0,
    "tests/trainers/codec/test_presets.py": 75.0,
    "tests/trainers/codec/test_processes.py": 40.0,
    "tests/trainers/codec/test_train.py": 40.0,
    "tests/trainers/enhancement/test_diagnose.py": 30.0,
    "tests/trainers/enhancement/test_processes.py": 140.0,
    "tests/trainers/enhancement/test_train.py": 80.0,
    "tests/trainers/kit": 4.0,
    "tests/trainers/kit/test_probe.py": 35.0,
    "tests/trainers/tts/test_processes.py": 35.0,
    "tests/trainers/tts/test_train.py": 30.0,
    "tests/trainers/vae/test_persist.py": 25.0,
    "tests/trainers/vae/test_processes.py": 45.0,
    "tests/trainers/vae/test_train.py": 30.0,
    "tests/worker": 5.0,
    "tests/worker/test_compose.py": 25.0,
    "tests/worker/test_launcher.py": 60.0,
    "tests/worker/test_plans.py": 80.0,
    "tests/worker/test_say.py": 15.0,
    "tests/worker/test_stopping.py": 85.0,
    "tests/worker/test_worker.py": 60.0,
}
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


def seconds(name: str) -> float:
    """How long a file of tests takes, by the table."""
    return SECONDS[max((k for k in SECONDS if f"{name}/".startswith(f"{k}/")), key=len)]


def parcels() -> list[list[str]]:
    """The unit tests in parcels of one folder's files, of about the same length; the longest first."""
    found: dict[Path, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT)
        if "e2e" not in name.parts:
            found.setdefault(name.parent, []).append(name.as_posix())
    cut: list[list[str]] = []
    for names in found.values():
        count = math.ceil(sum(map(seconds, names)) / PARCEL)
        folder: list[list[str]] = [[] for _ in range(min(count, len(names)))]
        for file in sorted(names, key=seconds, reverse=True):
            min(folder, key=took).append(file)
        cut += folder
    return sorted(cut, key=took, reverse=True)


def took(parcel: list[str]) -> float:
    return sum(map(seconds, parcel))


def units(total: Total) -> None:
    """Parcels side by side, one more than there are cores, since some wait; each prints when it is done."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    lanes = min(cores, 4) + 1
    print(f"== unit tests and JS, {lanes} at a time", flush=True)

    def one(parcel: list[str]) -> Result:
        began = time.monotonic()
        counted, said = pytest(*sorted(parcel), env={"OMP_NUM_THREADS": "1"}, quiet=True)
        place = Path(parcel[0]).parent
        with printing:
            spent = time.monotonic() - began
            print(f"-- {place}, {len(parcel)} files, {counted[0]} passed in {spent:.0f} s", flush=True)
            slow = re.findall(r"^\d+\.\d+s (?:setup|call|teardown) .*$", said, re.M)
            print(said if counted[1] else "\n".join(slow), end="\n" if slow or counted[1] else "", flush=True)
        return counted

    printing = threading.Lock()
    with ThreadPoolExecutor(lanes) as pool:
        beside = [pool.submit(one, parcel) for parcel in parcels()]
        beside.append(pool.submit(scripts))
        for done in beside:
            total.add(*done.result())


def reason(skipped: Tree.Element) -> str:
    text = skipped.get("message") or (skipped.text or "").strip() or "no reason given"
    return re.sub(r"^Skipped: ", "", text.splitlines()[0])


def scripts() -> Result:
    """(passed, failed, left out by reason) of the JS tests."""
    found = jstest.run()
    left_out = Counter({"skipped in a JS test": found.skipped} if found.skipped else {})
    if found.why:
        left_out[f"JS tests: {found.why}"] += 1
    return found.passed, found.failed, left_out


def main() -> int:
    began = time.monotonic()
    total = Total()
    units(total)
    print("== in a real Chromium", flush=True)
    total.add(*pytest("-m", "e2e", "tests/e2e")[0])
    for why, count in sorted(total.left_out.items()):
        print(f"left out ({count}): {why}")
    left_out = total.left_out.total()
    if CI and left_out:
        print("CI=true: nothing may be left out", flush=True)
    print(f"{left_out} left out, {time.monotonic() - began:.0f} s", flush=True)
    print(f"{total.passed} passed, {total.failed} failed", flush=True)
    return 1 if total.failed or not total.passed or (CI and left_out) else 0


if __name__ == "__main__":
    sys.exit(main())
