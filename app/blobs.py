"""Samples' bytes by their digest, kept in parts, so that a range is read without the whole."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import db
from app.errors import BadInput, NotFound, Problem, TooLarge
from app.models import Blob, BlobPart, Sample
from app.settings import get_settings

PART = 256 * 1024
DIGEST = re.compile(r"[0-9a-f]{64}")
OTHER = "application/octet-stream"
MEDIA_TYPES = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "mp3": "audio/mpeg",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
}
"""By the sample's ext; anything else is bytes, so that nothing stored here can run as a page."""


class BadRange(Problem):
    status, code = 416, "bad_range"


@dataclass(frozen=True)
class Found:
    """A blob's digest, size and media type."""

    sha256: str
    size: int
    media_type: str


def check_digest(sha256: str) -> str:
    """``sha256`` if it is a digest; raises `BadInput`."""
    if not DIGEST.fullmatch(sha256):
        raise BadInput(f"{sha256!r:.80} is no sha256: 64 hex digits in small letters", field="sha256")
    return sha256


def put(session: Session, sha256: str, data: bytes) -> bool:
    """Keep bytes under their digest; whether they are new here.

    Raises:
        BadInput: the digest is none, or another.
        TooLarge: more bytes than the setting allows.
    """
    check_digest(sha256)
    limit = get_settings().max_blob_bytes
    if len(data) > limit:
        raise TooLarge(f"the sample has {len(data)} bytes; the limit is {limit}", limit=limit)
    real = hashlib.sha256(data).hexdigest()
    if real != sha256:
        raise BadInput(
            f"the digest differs: the {len(data)} bytes have sha256 {real}, not {sha256}",
            code="digest_differs",
            field="sha256",
        )
    new = session.get(Blob, sha256) is None
    if new:
        try:
            with session.begin_nested():
                row = {"sha256": sha256, "size": len(data), "created": time.time()}
                session.execute(insert(Blob), [row])
                _parts(session, sha256, data)
        except IntegrityError:  # somebody else put the same bytes at the same time
            new = False
    session.execute(update(Sample).where(Sample.sha256 == sha256, Sample.missing).values(missing=False))
    return new


def _parts(session: Session, sha256: str, data: bytes) -> None:
    rows = [
        {"sha256": sha256, "part": n, "data": data[start : start + PART]}
        for n, start in enumerate(range(0, len(data), PART))
    ]
    if rows:
        session.execute(insert(BlobPart), rows)


def find(session: Session, sha256: str) -> Found:
    """The blob, with the media type of a sample that uses it. Raises `NotFound`."""
    check_digest(sha256)
    blob = session.get(Blob, sha256)
    if blob is None:
        raise NotFound(
            f"there is no sample {sha256} here, or its bytes have not come yet", code="unknown_blob"
        )
    ext = session.scalar(select(Sample.ext).where(Sample.sha256 == sha256).limit(1))
    return Found(sha256, blob.size, MEDIA_TYPES.get((ext or "").lower(), OTHER))


def read(session: Session, sha256: str) -> bytes:
    """All bytes of a blob. Raises `NotFound`."""
    found = find(session, sha256)
    wanted = select(BlobPart.data).where(BlobPart.sha256 == sha256).order_by(BlobPart.part)
    data = b"".join(session.scalars(wanted))
    if len(data) != found.size:
        raise NotFound(f"sample {sha256} is damaged: {len(data)} of {found.size} bytes", code="damaged_blob")
    return data


def stream(sha256: str, start: int, stop: int) -> Iterator[bytes]:
    """Bytes ``start`` to ``stop``, part by part: no transaction waits for a slow listener."""
    for number in range(start // PART, (max(stop, 1) - 1) // PART + 1):
        with db.reading() as session:
            wanted = select(BlobPart.data).where(BlobPart.sha256 == sha256, BlobPart.part == number)
            data = session.scalar(wanted)
        if data is None:
            return
        first = number * PART
        yield bytes(data[max(start - first, 0) : stop - first])


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """(start, stop) of a Range header of one range; None where the header asks for nothing that we give.

    Raises:
        BadRange: the range lies outside.
    """
    match = re.fullmatch(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", header)
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        start, stop = max(size - int(match[2]), 0), size
    else:
        start = int(match[1])
        stop = min(int(match[2]) + 1, size) if match[2] else size
        if match[2] and int(match[2]) < start:
            return None
    if start >= size or stop <= start:
        raise BadRange(
            f"the sample has {size} bytes, and the range {header.strip():.80} lies outside",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return start, stop
