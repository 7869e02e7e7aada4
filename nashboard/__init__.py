"""Nashboard's SDK: journal a run from any script, and copy it to a server. Standard library only."""

from __future__ import annotations

__version__ = "0.1.0"
