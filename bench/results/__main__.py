"""``python -m bench.results [--data DIR] [--home DIR] [--jobs N] [--pages-only] [TRAINER…]``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

from bench.results.jobs import Job, train_all
from bench.results.journals import Log, ended_well, read

ROOT = Path(__file__).parents[2]
TRAINERS = ("codec",)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make results", description=__doc__)
    parser.add_argument("trainers", nargs="*", default=list(TRAINERS), help=f"of {', '.join(TRAINERS)}")
    parser.add_argument(
        "--data", default="", help="folder of speech; without it only the demo set is trained"
    )
    parser.add_argument("--home", type=Path, default=ROOT / ".results", help="where the run folders lie")
    parser.add_argument("--jobs", type=int, default=max(1, os.cpu_count() or 1), help="runs side by side")
    parser.add_argument(
        "--pages-only", action="store_true", help="train nothing, write pages from what there is"
    )
    args = parser.parse_args(argv)
    unknown = [t for t in args.trainers if t not in TRAINERS]
    if unknown:
        parser.error(f"there is no trainer {unknown[0]!r}; there are {', '.join(TRAINERS)}")
    if args.data and not Path(args.data).is_dir():
        parser.error(f"--data {args.data}: there is no such folder")
    for name in args.trainers:
        module = importlib.import_module(f"bench.results.{name}")
        jobs: list[Job] = [j for j in module.jobs() if args.data or args.pages_only or j.data == "demo"]
        if not args.pages_only:
            train_all(jobs, args.home, args.data, args.jobs)
        logs: dict[Job, Log] = {j: read(args.home / j.name) for j in jobs if ended_well(args.home / j.name)}
        if not logs:
            print(f"{name}: no finished run, no page written", file=sys.stderr)
            return 1
        target = ROOT / "docs" / "results" / f"{name}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        count = module.measured(logs, ROOT / "recipes" / "bands" / f"{name}-measured.yaml")
        target.write_text(module.page(logs) + "\n", "utf-8")
        print(
            f"{name}: {len(logs)} of {len(jobs)} runs in {target.relative_to(ROOT)}, {count} measured bands"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
