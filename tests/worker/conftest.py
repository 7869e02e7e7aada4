"""Fixtures of the worker's tests."""

from __future__ import annotations

import pytest


@pytest.fixture
def database_kind() -> str:
    """SQLite, unless a test says otherwise."""
    return "sqlite"
