"""Parquet, written: flat tables of texts, whole numbers and numbers, one row group a part, each column a zstd page.

The format: https://parquet.apache.org/docs/file-format/ (thrift's compact protocol for the headers). Readers of
it are large libraries; what is written here is a small part of the format, so that no such library is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import zstandard

MAGIC = b"PAR1"
INT64, DOUBLE, BYTES = 2, 5, 6
_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12
_ZSTD, _PLAIN, _RLE, _UTF8 = 6, 0, 3, 0
KINDS = {"text": BYTES, "int": INT64, "float": DOUBLE}


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*out, n])


def _number(n: int) -> bytes:
    return _varint(n << 1 if n >= 0 else (-n << 1) - 1)


def _struct(*fields: tuple[int, int, Any]) -> bytes:
    """(field, type, value) in ascending order of field as thrift's compact protocol spells a struct."""
    out, last = bytearray(), 0
    for number, kind, value in fields:
        out.append((number - last) << 4 | kind)
        last = number
        out += _spelled(kind, value)
    return bytes([*out, 0])


def _spelled(kind: int, value: Any) -> bytes:
    if kind in (_I32, _I64):
        return _number(value)
    if kind == _BINARY:
        data = value.encode() if isinstance(value, str) else value
        return _varint(len(data)) + data
    if kind == _LIST:
        inner, items = value
        head = (
            bytes([len(items) << 4 | inner])
            if len(items) < 15
            else bytes([0xF0 | inner]) + _varint(len(items))
        )
        return head + b"".join(_spelled(inner, item) for item in items)
    return bytes(value)  # a struct, spelled already


def _plain(kind: int, values: Sequence[Any]) -> bytes:
    if kind == INT64:
        return np.asarray(values, "<i8").tobytes()
    if kind == DOUBLE:
        return np.asarray(values, "<f8").tobytes()
    return b"".join(len(b).to_bytes(4, "little") + b for b in (str(v).encode() for v in values))


def written(columns: Mapping[str, str], parts: Iterable[Sequence[Sequence[Any]]]) -> Iterator[bytes]:
    """The bytes of a file. ``columns``: name → "text", "int" or "float"; a part has each column's values.

    All values are required: a missing number is NaN. Empty parts are passed over.
    """
    kinds = {name: KINDS[kind] for name, kind in columns.items()}
    squeeze = zstandard.ZstdCompressor(level=3)
    yield MAGIC
    offset, rows, groups = len(MAGIC), 0, []
    for part in parts:
        count = len(part[0])
        if not count:
            continue
        chunks, whole = [], 0
        for (name, kind), values in zip(kinds.items(), part, strict=True):
            plain = _plain(kind, values)
            packed = squeeze.compress(plain)
            about = _struct((1, _I32, count), (2, _I32, _PLAIN), (3, _I32, _RLE), (4, _I32, _RLE))
            sizes = ((2, _I32, len(plain)), (3, _I32, len(packed)))
            head = _struct((1, _I32, 0), *sizes, (5, _STRUCT, about))
            meta = _struct(
                (1, _I32, kind), (2, _LIST, (_I32, [_PLAIN])), (3, _LIST, (_BINARY, [name])), (4, _I32, _ZSTD),
                (5, _I64, count), (6, _I64, len(head) + len(plain)), (7, _I64, len(head) + len(packed)),
                (9, _I64, offset),
            )  # fmt: skip
            chunks.append(_struct((2, _I64, offset), (3, _STRUCT, meta)))
            yield head + packed
            offset += len(head) + len(packed)
            whole += len(head) + len(plain)
        groups.append(_struct((1, _LIST, (_STRUCT, chunks)), (2, _I64, whole), (3, _I64, count)))
        rows += count
    schema = [_struct((4, _BINARY, "view"), (5, _I32, len(kinds)))]
    for name, kind in kinds.items():
        text = ((6, _I32, _UTF8),) if kind == BYTES else ()
        schema.append(_struct((1, _I32, kind), (3, _I32, 0), (4, _BINARY, name), *text))
    foot = _struct(
        (1, _I32, 1), (2, _LIST, (_STRUCT, schema)), (3, _I64, rows), (4, _LIST, (_STRUCT, groups)),
        (6, _BINARY, "nashboard"),
    )  # fmt: skip
    yield foot + len(foot).to_bytes(4, "little") + MAGIC
