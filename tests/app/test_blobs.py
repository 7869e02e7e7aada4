"""Blobs: by their digest, once, in parts, with ranges."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app import blobs, db, ingest
from nashboard.events import SampleMade

WAV = "audio/wav"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def kept(data: bytes) -> str:
    with db.transaction() as session:
        blobs.put(session, digest(data), data)
    return f"/api/blobs/{digest(data)}"


def announce(make_run, data: bytes, ext: str) -> str:
    run_id = make_run()
    made = SampleMade(
        seq=1,
        time=1.7e9,
        step=0,
        series="a",
        slot="0",
        media="audio",
        sha256=digest(data),
        ext=ext,
        size=len(data),
    )
    with db.transaction() as session:
        ingest.apply(session, run_id, [made])
    return run_id


def test_the_same_bytes_twice_are_one_blob(client) -> None:
    data = b"some bytes"
    for _ in range(2):
        assert client.put(f"/api/blobs/{digest(data)}", content=data).status_code == 204
    assert client.get(f"/api/blobs/{digest(data)}").content == data


def test_another_digest_is_refused_and_nothing_is_kept(client) -> None:
    answer = client.put(f"/api/blobs/{digest(b'one')}", content=b"two")
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "digest_differs"
    assert digest(b"two") in answer.json()["error"]["message"]
    assert client.get(f"/api/blobs/{digest(b'one')}").status_code == 404
    assert client.get(f"/api/blobs/{digest(b'two')}").status_code == 404


@pytest.mark.parametrize("name", ["abc", "A" * 64, "g" * 64, "a" * 65, "%00", "ü"])
def test_what_is_no_digest_is_named(client, name: str) -> None:
    assert client.put(f"/api/blobs/{name}", content=b"").status_code == 422
    assert client.get(f"/api/blobs/{name}").status_code == 422


def test_an_empty_blob_is_one_too(client) -> None:
    where = kept(b"")
    answer = client.get(where)
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert client.get(where, headers={"Range": "bytes=0-"}).status_code == 416


@pytest.mark.parametrize(
    ("ext", "kind"),
    [("wav", WAV), ("png", "image/png"), ("ogg", "audio/ogg"), ("html", "application/octet-stream"),
     ("svg", "application/octet-stream")],
)  # fmt: skip
def test_the_media_type_is_that_of_the_sample_and_never_a_page(client, make_run, ext: str, kind: str) -> None:
    data = b"<script>" + ext.encode()
    announce(make_run, data, ext)
    answer = client.get(kept(data))
    assert answer.headers["content-type"] == kind
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_blob_never_changes_so_it_is_kept_by_the_browser(client) -> None:
    where = kept(b"for good")
    answer = client.get(where)
    assert "immutable" in answer.headers["cache-control"]
    tag = answer.headers["etag"]
    again = client.get(where, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    head = client.head(where)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "8")


def test_a_range_across_parts(client) -> None:
    data = random.Random(0).randbytes(2 * blobs.PART + 1000)
    where = kept(data)
    for start, stop in [
        (0, 0),
        (0, blobs.PART),
        (blobs.PART - 1, blobs.PART),
        (blobs.PART, 2 * blobs.PART + 999),
    ]:
        answer = client.get(where, headers={"Range": f"bytes={start}-{stop}"})
        assert answer.status_code == 206
        assert answer.content == data[start : stop + 1]
        assert answer.headers["content-range"] == f"bytes {start}-{stop}/{len(data)}"
        assert answer.headers["content-length"] == str(stop + 1 - start)
    assert client.get(where, headers={"Range": "bytes=-7"}).content == data[-7:]
    assert client.get(where, headers={"Range": f"bytes={len(data) - 5}-"}).content == data[-5:]
    assert client.get(where).content == data


@pytest.mark.parametrize(
    ("asked", "status"),
    [("bytes=8-", 416), ("bytes=9-12", 416), ("bytes=-0", 416), ("bytes=3-2", 200), ("bytes=a-b", 200),
     ("bytes=0-1,3-4", 200), ("items=0-1", 200), ("bytes=-", 200), ("bytes=0-99999999999999999", 206)],
)  # fmt: skip
def test_odd_ranges(client, asked: str, status: int) -> None:
    answer = client.get(kept(b"8 bytes!"), headers={"Range": asked})
    assert answer.status_code == status
    if status == 416:
        assert answer.headers["content-range"] == "bytes */8"
        assert answer.json()["error"]["code"] == "bad_range"


def test_if_range_guards_a_range(client) -> None:
    where = kept(b"8 bytes!")
    other = client.get(where, headers={"Range": "bytes=0-1", "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, b"8 bytes!")


@hypothesis_settings(deadline=None, derandomize=True)
@given(
    st.integers(0, 50),
    st.text("bytes=-0123456789 ,", max_size=12) | st.integers(0, 60).map("bytes={}-".format),
)
def test_a_range_lies_within_or_is_refused(size: int, header: str) -> None:
    try:
        found = blobs.byte_range(header, size)
    except blobs.BadRange:
        return
    if found is not None:
        assert 0 <= found[0] < found[1] <= size


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_too_large_a_blob_is_refused_by_its_limit(client, settings) -> None:
    data = bytes(settings.max_blob_bytes + 1)
    answer = client.put(f"/api/blobs/{digest(data)}", content=data)
    assert answer.status_code == 413
    assert str(settings.max_blob_bytes) in answer.json()["error"]["message"]
