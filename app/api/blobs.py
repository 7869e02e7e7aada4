"""Samples' bytes: put by their digest, played with ranges."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from app import blobs, db
from app.live import bell
from app.replies import documented

router = APIRouter(tags=["samples"])
Digest = Annotated[str, Path(description="64 hex digits in small letters.", max_length=200)]
_BYTES = {
    "requestBody": {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    }
}
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "All bytes", "content": {"audio/wav": {}, "image/png": {}}},
    206: {"description": "The range that was asked for"},
    304: {"description": "The caller has it already"},
}


@router.put(
    "/api/blobs/{sha256}",
    status_code=204,
    summary="Keep a sample's bytes under their digest",
    responses=documented(413, 507),
    openapi_extra=_BYTES,
)
async def put_blob(sha256: Digest, request: Request) -> Response:
    """422 where the digest of the bytes is another. The same bytes twice are one blob."""
    blobs.check_digest(sha256)
    body = await request.body()
    await run_in_threadpool(_put, sha256, body)
    bell.ring()
    return Response(status_code=204)


def _put(sha256: str, body: bytes) -> None:
    with db.transaction() as session:
        blobs.put(session, sha256, body)


@router.head(
    "/api/blobs/{sha256}",
    summary="A sample's size and type",
    response_class=Response,
    responses={**_CONTENT, **documented(404, 416)},
)
@router.get(
    "/api/blobs/{sha256}",
    summary="A sample's bytes, whole or a range",
    response_class=Response,
    responses={**_CONTENT, **documented(404, 416)},
)
def get_blob(
    sha256: Digest,
    request: Request,
    range_: Annotated[str, Header(alias="range", description="One range, such as bytes=0-1023.")] = "",
    if_none_match: Annotated[str, Header()] = "",
    if_range: Annotated[str, Header()] = "",
) -> Response:
    """Never changes, so it may be kept for good."""
    with db.reading() as session:
        found = blobs.find(session, sha256)
    tag = f'"{sha256}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "private, max-age=31536000, immutable",
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if tag in if_none_match or if_none_match.strip() == "*":
        return Response(status_code=304, headers=headers)
    span = blobs.byte_range(range_, found.size) if range_ and if_range in ("", tag) else None
    start, stop = span or (0, found.size)
    if span:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{found.size}"
    headers["Content-Length"] = str(stop - start)
    status = 206 if span else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=found.media_type)
    return StreamingResponse(blobs.stream(sha256, start, stop), status, headers, found.media_type)
