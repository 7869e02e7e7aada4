"""Static files: our own from ``static/``, and plotly's script from the installed wheel, compressed once."""

from __future__ import annotations

import gzip
import hashlib
import threading
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.errors import NotFound

FOLDER = Path(__file__).resolve().parent.parent / "static"
router = APIRouter(include_in_schema=False)
_lock = threading.Lock()


class OurFiles(StaticFiles):
    """Files of ``static/``; a browser asks each time whether its copy is current, so updates are seen."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.setdefault("Cache-Control", "no-cache")
        return response


def plotly_path() -> Path | None:
    """Where the installed plotly keeps its script; None without plotly. Plotly itself is not imported."""
    spec = find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    return path if path.is_file() else None


@lru_cache(maxsize=1)
def _plotly(path: Path, _stamp: int) -> tuple[bytes, bytes, str]:
    plain = path.read_bytes()
    return plain, gzip.compress(plain, 6, mtime=0), hashlib.sha256(plain).hexdigest()[:32]


@router.api_route("/static/plotly.min.js", methods=["GET", "HEAD"])
def plotly(request: Request) -> Response:
    """The script with an ETag and a day's cache life."""
    path = plotly_path()
    if path is None:
        raise NotFound("plotly is not installed: run `make install`")
    with _lock:
        plain, packed, digest = _plotly(path, path.stat().st_mtime_ns)
    tag = f'"{digest}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=86400", "Vary": "Accept-Encoding"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    squeezed = "gzip" in request.headers.get("accept-encoding", "")
    headers["Content-Encoding"] = "gzip" if squeezed else "identity"
    return Response(packed if squeezed else plain, 200, headers, "text/javascript")
