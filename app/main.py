"""The web application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import db
from app import settings as settings_module
from app.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application for these settings; None: those of the environment."""
    if settings is not None:
        settings_module.use(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        settings_module.get_settings().prepared()
        db.migrate()
        yield

    return FastAPI(title="Nashboard", lifespan=lifespan)
