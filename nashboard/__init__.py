"""Nashboard's SDK: journal a run from any script, and copy it to a server. Standard library only.

import nashboard

run = nashboard.init(project="vocoder", config={"lr": 1e-4})
for step in range(1000):
    run.log({"loss/gen": 1.0, "loss/disc": 2.0}, step=step)
run.finish()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nashboard.receipt import Receipt
from nashboard.reporter import Reporter
from nashboard.run import Run, init

if TYPE_CHECKING:
    from nashboard.pushing import push

__version__ = "0.1.0"
__all__ = ["Receipt", "Reporter", "Run", "init", "push"]


def __getattr__(name: str) -> Any:
    """`push` on first use: its urllib takes 30 ms to import, which an offline script need not pay."""
    if name == "push":
        from nashboard.pushing import push

        return push
    raise AttributeError(f"module 'nashboard' has no attribute {name!r}")
