"""The web application: API, pages, static files, behind the guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.routing import BaseRoute

from app import api, db, login, pages, replies, static
from app import settings as settings_module
from app.live import bell
from app.rounds import Rounds
from app.security import Guard
from app.settings import Settings, get_settings
from app.sweeper import Sweeper
from app.webhooks import Messenger
from nashboard import __version__

ABOUT = """Runs, their series and samples, and how to launch and stop them.

Every error has one shape:
`{"error": {"code", "message", "field"?, "problems"?: [{"knob", "value", "message"}]}}`.
With a token set, send `Authorization: Bearer …`. Non-finite numbers are the strings "NaN", "Infinity" and
"-Infinity"."""


class Application(FastAPI):
    """FastAPI, with errors described as JSON whatever an endpoint's own answer is."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            described = super().openapi()
            for item in described["paths"].values():
                for operation in item.values():
                    for status, response in operation["responses"].items():
                        content = response.get("content", {})
                        if status >= "4" and len(content) == 1:
                            response["content"] = {"application/json": next(iter(content.values()))}
        return self.openapi_schema or {}


@cache
def routes() -> tuple[BaseRoute, ...]:
    """The routes of API and pages, made once in a process.

    Taken out of their routers: FastAPI would build the models of all routes to include a router of routers, and
    again at the first request, a quarter of a second each time.
    """
    others = APIRouter()
    others.include_router(login.router)
    others.include_router(static.router)
    return (*api.router().routes, *others.routes, *pages.router().routes)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application for these settings; None: those of the environment."""
    if settings is not None:
        settings_module.use(settings)
    settings = get_settings()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        settings.prepared()
        await run_in_threadpool(db.migrate)
        bell.closed = False
        sweeper = Sweeper(settings)
        sweeper.start()
        rounds = Rounds()
        rounds.start()
        messenger = Messenger(settings)
        messenger.start()
        try:
            yield
        finally:
            bell.close()
            await run_in_threadpool(sweeper.stop)
            await run_in_threadpool(rounds.stop)
            await run_in_threadpool(messenger.stop)

    app = Application(
        title="Nashboard",
        version=__version__,
        description=ABOUT,
        docs_url=None,  # its scripts come from elsewhere, which the content security policy forbids
        redoc_url=None,
        lifespan=lifespan,
        routes=list(routes()),
    )
    replies.install(app)
    app.mount("/static", static.OurFiles(directory=static.FOLDER, check_dir=False), name="static")
    bare = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "application/octet-stream")
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5, exclude_content_types=bare)
    app.add_middleware(Guard, settings=settings)
    return app
