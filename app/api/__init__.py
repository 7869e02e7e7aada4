"""The JSON API: one module a subject, each with a ``router``."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from fastapi import APIRouter

from app.replies import documented

MODULES = (
    "health",
    "bulk",
    "runs",
    "webhook",
    "ingest",
    "records",
    "blobs",
    "trainers",
    "launch",
    "preflight",
    "figures",
    "live",
    "views",
    "bands",
    "exports",
    "bundles",
    "diagnose",
    "errands",
    "plans",
    "told",
    "blind",
)


def router() -> APIRouter:
    """One router with every subject that is present; any of them may answer these failures."""
    found = APIRouter(responses=documented(401, 403, 422, 503))
    for name in MODULES:
        if find_spec(f"{__name__}.{name}") is not None:
            found.include_router(import_module(f"{__name__}.{name}").router)
    return found
