"""The pages: HTML rendered by the server, each module with a ``router``."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from fastapi import APIRouter

MODULES = (
    "runs",
    "changes",
    "launch",
    "plans",
    "plan",
    "preflight",
    "compare",
    "report",
    "bundles",
    "listen",
    "run",
    "doctor",
    "bands",
    "help",
    "blind",
)


def router() -> APIRouter:
    """One router with every page that is present."""
    found = APIRouter(include_in_schema=False)
    for name in MODULES:
        if find_spec(f"{__name__}.{name}") is not None:
            found.include_router(import_module(f"{__name__}.{name}").router)
    return found
