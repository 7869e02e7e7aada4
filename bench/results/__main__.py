"""``python -m bench.results [--data DIR] [--home DIR] [--jobs N] [--pages-only] [TRAINER…]``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any

from bench.results.jobs import FOLDERS, Job, missing, train_all
from bench.results.journals import Log, ended_well, read

ROOT = Path(__file__).parents[2]
TRAINERS = ("codec", "enhancement", "cgan", "vae", "tts")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make results", description=__doc__)
    parser.add_argument("trainers", nargs="*", default=list(TRAINERS), help=f"of {', '.join(TRAINERS)}")
    under = ", ".join(sorted({f for folders in FOLDERS.values() for f in folders.values()}))
    parser.add_argument(
        "--data", default="", help=f"folder that holds {under}; without it only the demo sets are trained on"
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
    if args.jobs < 1:
        parser.error(f"--jobs {args.jobs}: at least 1 run at a time")
    if args.data and not Path(args.data).is_dir():
        parser.error(f"--data {args.data}: there is no such folder")
    pages = {name: importlib.import_module(f"bench.results.{name}") for name in args.trainers}
    jobs = [j for page in pages.values() for j in page.jobs()]
    if not args.pages_only:
        chosen = [j for j in jobs if args.data or j.data == "demo"]
        if lacking := args.data and missing(chosen, Path(args.data)):
            parser.error(f"--data {args.data}: it holds no {lacking[0]}; it must hold {under}")
        data = str(Path(args.data).resolve()) if args.data else ""
        train_all(chosen, args.home, data, args.jobs)
    return max(_written(name, page, args.home) for name, page in pages.items())


def _written(name: str, page: Any, home: Path) -> int:
    """Writes a trainer's page and bands from the runs that there are; 1 where there is none."""
    jobs: list[Job] = page.jobs()
    logs: dict[Job, Log] = {j: read(home / j.name) for j in jobs if ended_well(home / j.name)}
    if not logs:
        print(f"{name}: no finished run, no page written", file=sys.stderr)
        return 1
    target = ROOT / "docs" / "results" / f"{name}.md"
    target.parent.mkdir(parents=True, exist_ok=True)
    count = page.measured(logs, ROOT / "recipes" / "bands" / f"{name}-measured.yaml")
    target.write_text(page.page(logs) + "\n", "utf-8")
    print(f"{name}: {len(logs)} of {len(jobs)} runs in {target.relative_to(ROOT)}, {count} measured bands")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
