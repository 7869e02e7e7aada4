"""What a view is taken away as: CSV and Parquet with every point, clips as a zip; Parquet by a reader of its own."""

from __future__ import annotations

import csv
import hashlib
import io
import struct
import zipfile

import numpy as np
import pytest
import zstandard

from app import blobs, db, exports, ingest, parquet, runs
from nashboard import events
from recipes.base import nested


@pytest.fixture
def database_kind():
    return "sqlite"


class Thrift:
    """Reads thrift's compact protocol: a struct as {field: value}."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def varint(self):
        shift = found = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            found |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return found
            shift += 7

    def value(self, kind):
        if kind in (5, 6):
            n = self.varint()
            return n >> 1 if not n & 1 else -(n >> 1) - 1
        if kind == 8:
            size = self.varint()
            self.at += size
            return self.data[self.at - size : self.at]
        if kind == 9:
            head = self.data[self.at]
            self.at += 1
            size = head >> 4 if head >> 4 != 15 else self.varint()
            return [self.value(head & 15) for _ in range(size)]
        return self.struct()

    def struct(self):
        found, field = {}, 0
        while head := self.data[self.at]:
            self.at += 1
            field += head >> 4
            found[field] = self.value(head & 15)
        self.at += 1
        return found


def table(data):
    """{column: values} of a Parquet file, by its footer and the offsets in it."""
    assert data[:4] == data[-4:] == b"PAR1"
    (size,) = struct.unpack("<I", data[-8:-4])
    foot = Thrift(data, len(data) - 8 - size).struct()
    names = [e[4].decode() for e in foot[2][1:]]
    found = {name: [] for name in names}
    for group in foot.get(4, []):
        for name, chunk in zip(names, group[1], strict=True):
            meta = chunk[3]
            assert meta[3] == [name.encode()]
            page = Thrift(data, meta[9])
            head = page.struct()
            plain = zstandard.ZstdDecompressor().decompress(data[page.at : page.at + head[3]])
            assert len(plain) == head[2]
            if meta[1] == 6:
                at = 0
                while at < len(plain):
                    (length,) = struct.unpack_from("<I", plain, at)
                    found[name].append(plain[at + 4 : at + 4 + length].decode())
                    at += 4 + length
            else:
                found[name] += np.frombuffer(plain, {2: "<i8", 5: "<f8"}[meta[1]]).tolist()
    assert all(len(column) == foot[3] for column in found.values())
    return found


@pytest.fixture
def two(make_run):
    values = [1.5, float("nan"), 0.1 + 0.2, float("-inf"), 1e-300]
    ids = []
    for n in range(2):
        points = {"loss/disc": values, "progress/epoch": [s / 2 for s in range(5)]}
        ids.append(
            make_run(points, "finished", name=f"run, {n}", recipe=nested({"disc.lr": [1e-4, 1e-3][n]}))
        )
    return ids


def got(client, path, ids, **asked):
    answer = client.get(path, params={"runs": ",".join(ids), **asked})
    assert answer.status_code == 200, answer.text
    return answer


def test_csv_has_every_point_with_every_digit(client, two):
    answer = got(client, "/api/export/points", two, series="loss/disc", x="epoch")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="points.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [r["value"] for r in rows[:5]] == ["1.5", "NaN", repr(0.1 + 0.2), "-Infinity", "1e-300"]
    assert [r["x"] for r in rows[:5]] == ["0.0", "0.5", "1.0", "1.5", "2.0"]
    assert (rows[5]["key"], rows[5]["name"], rows[5]["run"]) == ("B", "run, 1", two[1])


def test_parquet_has_the_same_in_types(client, two):
    found = table(
        got(client, "/api/export/points", two, series="loss/disc", x="epoch", format="parquet").content
    )
    assert found["step"] == [0, 1, 2, 3, 4] * 2
    assert found["run"] == [two[0]] * 5 + [two[1]] * 5
    np.testing.assert_array_equal(found["value"][:5], [1.5, np.nan, 0.1 + 0.2, -np.inf, 1e-300])


def test_a_zoom_cuts_and_a_series_that_is_not_there_is_no_row(client, two):
    asked = {"series": "loss/disc,loss/gen", "x": "epoch", "from": "0.5", "to": "1"}
    rows = list(csv.DictReader(io.StringIO(got(client, "/api/export/points", two[:1], **asked).text)))
    assert [r["step"] for r in rows] == ["1", "2"]
    assert (
        table(got(client, "/api/export/points", two, series="loss/gen", format="parquet").content)["x"] == []
    )


def test_groups_and_differences_are_as_drawn(client, make_run):
    ids = [
        make_run({"loss/disc": [v] * 3}, recipe=nested({"disc.lr": lr}))
        for v, lr in ((1.0, 1e-4), (3.0, 1e-4), (7.0, 1e-3))
    ]
    found = table(
        got(client, "/api/export/points", ids, series="loss/disc", group="disc.lr", format="parquet").content
    )
    assert found["key"] == ["1"] * 3 + ["2"] * 3
    assert found["value"] == [2.0] * 3 + [7.0] * 3
    assert found["low"] == pytest.approx([1.2] * 3 + [7.0] * 3)
    assert found["runs"] == [2] * 3 + [1] * 3
    away = list(
        csv.DictReader(
            io.StringIO(
                got(client, "/api/export/points", ids, series="loss/disc", base=ids[0], mode="diff").text
            )
        )
    )
    assert [r["value"] for r in away] == ["2.0"] * 3 + ["6.0"] * 3


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"series": ""}, "series names nothing"),
        ({"series": "a//b"}, "cannot be the name of a series"),
        ({"series": "loss/disc", "x": "moon"}, "'moon' is no axis"),
        ({"series": "loss/disc", "format": "xlsx"}, "format"),
        ({"series": "loss/disc", "group": "moon"}, "no run here has a knob 'moon'"),
        ({"series": "loss/disc", "mode": "diff"}, "a difference needs a baseline"),
        ({"series": "loss/disc", "from": "1"}, "no stretch of the axis"),
    ],
)
def test_what_cannot_be_taken_away_is_said(client, two, asked, words):
    answer = client.get("/api/export/points", params={"runs": two[0], **asked})
    assert answer.status_code == 422
    assert words in answer.json()["error"]["message"]


def test_more_points_than_can_be_sent_are_refused(client, two, monkeypatch):
    monkeypatch.setattr(exports, "MOST_POINTS", 9)
    answer = client.get("/api/export/points", params={"runs": ",".join(two), "series": "loss/disc"})
    assert "these are 10 points; the limit is 9" in answer.json()["error"]["message"]


def test_long_lists_and_empty_parts_of_a_parquet_file():
    columns = {f"column {n}": "int" for n in range(20)}
    parts = [[[1]] * 20, [[]] * 20, [[2, 3]] * 20]
    assert table(b"".join(parquet.written(columns, parts))) == {name: [1, 2, 3] for name in columns}


class TestClips:
    @pytest.fixture
    def sounding(self, make_run):
        made = make_run({"progress/epoch": [s / 2 for s in range(5)]}, "finished", name="../évil run")
        clips = [
            (0, "reference", "clip/1", b"ref"),
            (0, "fake", "clip/1", b"a0"),
            (4, "fake", "clip/1", b"a4" * 200_000),
        ]
        with db.transaction() as session:
            seq, found = runs.get(session, made).next_seq, []
            for n, (step, series, slot, data) in enumerate(clips):
                digest = hashlib.sha256(data).hexdigest()
                about = {
                    "media": "audio",
                    "sha256": digest,
                    "ext": "wav",
                    "size": len(data),
                    "facts": {"seconds": 1.0},
                }
                found.append(
                    events.SampleMade(
                        seq=seq + n, time=1.7e9, step=step, series=series, slot=slot, caption="", **about
                    )
                )
            ingest.apply(session, made, found, 1.7e9)
            for _, _, _, data in clips:
                blobs.put(session, hashlib.sha256(data).hexdigest(), data)
        return made

    def test_the_clips_of_a_moment_and_what_they_are(self, client, sounding):
        answer = got(client, "/api/export/clips", [sounding], at="last")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as made:
            assert made.testzip() is None
            names = ["clips.csv", *sorted(made.namelist()[1:], reverse=True)]
            assert names == [
                "clips.csv",
                "clip_1/reference-reference.wav",
                "clip_1/A-évil_run-step-4-fake.wav",
            ]
            assert made.read(names[2]) == b"a4" * 200_000
            rows = list(csv.DictReader(io.StringIO(made.read("clips.csv").decode())))
        rows.sort(key=lambda r: r["step"])
        assert [(r["file"], r["step"], r["seconds"]) for r in rows] == [
            (names[1], "0", "1.0"),
            (names[2], "4", "1.0"),
        ]

    def test_at_an_epoch_the_last_made_up_to_it_and_all(self, client, sounding):
        def names(at):
            return zipfile.ZipFile(
                io.BytesIO(got(client, "/api/export/clips", [sounding], at=at).content)
            ).namelist()

        assert "clip_1/A-évil_run-step-0-fake.wav" in names("1")
        assert len(names("all")) == 4

    def test_no_clip_is_said(self, client, two):
        answer = client.get("/api/export/clips", params={"runs": two[0]})
        assert answer.status_code == 404
        assert "these runs have no clips there" in answer.json()["error"]["message"]
        assert client.get("/api/export/clips", params={"runs": two[0], "at": "soon"}).status_code == 422
