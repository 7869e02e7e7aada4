"""`make bench`: one JSON line a benchmark, ``{"name", "value", "unit", "baseline", "ratio"}``.

``python -m bench [NAME…]`` runs the named modules only. A module of this folder that has ``run()`` is a
benchmark; ``run`` yields dicts of those five keys, measured in one process beside their baseline.
"""

from __future__ import annotations

import importlib
import json
import sys

BENCHMARKS = ("reporter", "ingest", "step", "server", "chart", "compare", "spectrogram", "doctor", "trainers")
KEYS = ("name", "value", "unit", "baseline", "ratio")


def main(names: list[str]) -> int:
    unknown = [n for n in names if n not in BENCHMARKS]
    if unknown:
        print(
            f"bench: there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}", file=sys.stderr
        )
        return 2
    for name in names or BENCHMARKS:
        module = importlib.import_module(f"bench.{name}")
        for figure in module.run():
            print(json.dumps({key: figure[key] for key in KEYS}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
