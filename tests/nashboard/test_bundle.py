"""Bundles of run folders: what is in them, what is taken out, and every way in which one can be wrong."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from pathlib import Path

import pytest

from nashboard import events, journal, media
from nashboard.__main__ import main
from nashboard.bundle import MANIFEST, BadBundle, Bundle, Limits, Writer
from nashboard.content import Content
from nashboard.journal import Journal
from nashboard.packing import pack, unpack
from nashboard.scrub import Scrubber

RUN = "feedbeef0001"
HOST = "node-17.lab.example"
WAVE = b"RIFF" + bytes(4000)


def folder(path: Path, run: str = RUN, *, ended: bool = True) -> Path:
    """A run folder that tells where it ran in its recipe, environment, command, console and checkpoint."""
    clock = iter(float(n) for n in range(1_700_000_000, 1_800_000_000))
    with Journal(path, clock=lambda: next(clock)) as made:
        made.append(
            events.RunStarted(
                run=run, name="old one", trainer="codec", preset="old", size="tiny", seed=1,
                recipe={"data.root": "/Users/marie/data sets/music", "disc.lr": 1e-4},
                environment={"hostname": HOST, "run_dir": str(path), "python": "3.11.7"},
                command=["python", "-m", "trainers", "codec", "data.root=/Users/marie/data sets/music"],
            )
        )  # fmt: skip
        for step in range(20):
            made.append(events.Points(step=step, values={"loss/disc": 2.0, "eval/snr": float("nan")}))
        digest = media.store(path, WAVE, "wav")
        made.append(
            events.SampleMade(
                step=19, series="a", slot="0", media="audio", sha256=digest, ext="wav", size=len(WAVE)
            )
        )
        made.append(
            events.LogLine(text='File "/Users/marie/code/train.py", line 3, on node-17; marie was here')
        )
        (path / "checkpoints").mkdir()
        (path / "checkpoints" / "last.pt").write_bytes(b"weights")
        made.append(events.CheckpointSaved(step=19, path="checkpoints/last.pt", size=7))
        if ended:
            made.append(events.RunEnded(status="finished"))
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return folder(tmp_path / "runs" / "old")


def test_a_folder_is_packed_and_unpacked(run: Path, tmp_path: Path) -> None:
    packed = pack([run], tmp_path / "a.nashboard.zip", strip=False)
    with Bundle(packed.path) as bundle:
        bundle.verify()
        assert bundle.runs == [RUN]
        assert b"\n".join(bundle.lines(RUN)) + b"\n" == (run / journal.NAME).read_bytes()
        about = bundle.about(RUN)
        assert (about["name"], about["status"], about["recipe"]["disc.lr"]) == ("old one", "finished", 1e-4)
        assert about["environment"]["hostname"] == HOST
        assert bundle.names("runs/feedbeef0001/checkpoints") == []
        made = unpack(bundle, tmp_path / "out")
    digest = hashlib.sha256(WAVE).hexdigest()
    assert made == [tmp_path / "out" / RUN]
    assert (made[0] / journal.NAME).read_bytes() == (run / journal.NAME).read_bytes()
    assert (made[0] / "samples" / f"{digest}.wav").read_bytes() == WAVE


def test_checkpoints_travel_only_where_asked(run: Path, tmp_path: Path) -> None:
    packed = pack([run], tmp_path / "a.zip", checkpoints=True)
    assert packed.runs[0].checkpoints == ["last.pt"]
    with Bundle(packed.path) as bundle:
        assert b"".join(bundle.parts(f"runs/{RUN}/checkpoints/last.pt")) == b"weights"
        made = unpack(bundle, tmp_path / "out")
    assert (made[0] / "checkpoints" / "last.pt").read_bytes() == b"weights"


def test_a_checkpoint_outside_the_folder_stays_there(run: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.pt").write_bytes(b"not yours")
    lines = (run / journal.NAME).read_text().replace("checkpoints/last.pt", "../../secret.pt")
    (run / journal.NAME).write_text(lines)
    assert pack([run], tmp_path / "a.zip", checkpoints=True).runs[0].checkpoints == []


def test_by_default_nothing_tells_host_user_or_path(run: Path, tmp_path: Path) -> None:
    packed = pack([run], tmp_path / "a.zip")
    with Bundle(packed.path) as bundle:
        text = b"".join(b"".join(bundle.parts(n)) for n in bundle.names("runs/")).decode()
        started = json.loads(next(bundle.lines(RUN)))
    for word in ("marie", "node-17", "/Users", str(tmp_path)):
        assert word not in text, word
    assert started["recipe"]["data.root"] == "[path]/music"
    assert started["command"][-1] == "data.root=[path]/music"
    assert started["environment"]["python"] == "3.11.7"
    told = {(row["what"], row["text"]) for row in packed.found}
    assert {("host name", HOST), ("host name", "node-17"), ("user name", "marie")} <= told
    assert ("path", "/Users/marie/data sets/music") in told


def test_points_and_samples_are_the_contents_whatever_is_taken_out(run: Path, tmp_path: Path) -> None:
    rows = []
    for strip in (True, False):
        packed = pack([run], tmp_path / f"{strip}.zip", strip=strip)
        with Bundle(packed.path) as bundle:
            rows.append(bundle.manifest["runs"][0]["content"])
    other = Content()
    for event in journal.events(run):
        other.take(event)
    assert rows == [other.digest()] * 2
    other.take(events.Points(step=20, values={"loss/disc": 2.0}, seq=99, time=1.0))
    assert other.digest() != rows[0]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1/2 and/or 3 dB", "1/2 and/or 3 dB"),
        ("see https://pytorch.org/docs/stable/x.html", "see https://pytorch.org/docs/stable/x.html"),
        ("cannot open /mnt/pool/a.wav: denied", "cannot open [path]/a.wav: denied"),
        ("PATH=/usr/bin:/opt/tools/bin", "PATH=[path]/bin:[path]/bin"),
        (r"C:\Users\Anna\x.wav", "[path]/x.wav"),
        ("file:///srv/data/x", "[path]/x"),
        ("loss/disc at disc/mpd2/sign_acc", "loss/disc at disc/mpd2/sign_acc"),
    ],
)
def test_what_is_a_path_in_a_text(text: str, shown: str) -> None:
    assert Scrubber().text(text) == shown


def test_names_of_series_and_digests_are_never_touched() -> None:
    scrubber = Scrubber()
    scrubber.event({"kind": "run_started", "environment": {"hostname": "loss"}, "run": "loss"})
    event = {"kind": "sample_made", "series": "loss", "sha256": "loss", "slot": "loss of it", "step": 3}
    assert scrubber.event(event) == {**event, "slot": "[host] of it"}


def test_a_run_that_has_not_ended_and_one_with_a_lost_sample(tmp_path: Path) -> None:
    run = folder(tmp_path / "a", ended=False)
    next((run / "samples").iterdir()).write_bytes(b"torn")
    packed = pack([run], tmp_path / "a.zip")
    assert packed.runs[0].status == ""
    assert packed.runs[0].missing == [hashlib.sha256(WAVE).hexdigest()]
    with Bundle(packed.path) as bundle:
        assert bundle.names("samples/") == []


def test_several_runs_share_their_samples(tmp_path: Path) -> None:
    packed = pack([folder(tmp_path / "a", "a"), folder(tmp_path / "b", "b")], tmp_path / "two.zip")
    with Bundle(packed.path) as bundle:
        assert bundle.runs == ["a", "b"]
        assert len(bundle.names("samples/")) == 1


def test_what_cannot_be_packed_leaves_no_file(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.zip"
    with pytest.raises(BadBundle, match="holds no events"):
        pack([tmp_path], out)
    with pytest.raises(BadBundle, match="give each run once"):
        pack([run, run], out)
    with pytest.raises(BadBundle, match="is a folder"):
        pack([run], tmp_path)
    (run / journal.NAME).write_bytes((run / journal.NAME).read_bytes().replace(b'"seq":3', b'"seq":7'))
    with pytest.raises(BadBundle, match="line 4 has seq 7, not 3"):
        pack([run], out)
    assert list(tmp_path.glob("*.zip*")) == []


# What a bundle from somebody else may hold -----------------------------------


def written(path: Path, members: dict[str, bytes], manifest: dict[str, object] | None = None) -> Path:
    """A zip with these members, and a manifest that fits them but for what ``manifest`` says."""
    told = {n: {"sha256": hashlib.sha256(d).hexdigest(), "size": len(d)} for n, d in members.items()}
    whole = {"format": "nashboard-bundle", "version": 1, "runs": [{"id": "a"}], "members": told}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(name, data)
        made.writestr(MANIFEST, json.dumps(whole | (manifest or {})))
    return path


SOUND = {"runs/a/events.jsonl": b"{}\n", "runs/a/run.json": b"{}"}


def assert_refused(path: Path, match: str, limits: Limits = Limits()) -> None:
    with pytest.raises(BadBundle, match=match) as caught, Bundle(path, limits=limits) as bundle:
        bundle.verify()
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


def test_no_zip_and_no_bundle(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"hello")
    assert_refused(path, "not a zip file")
    path.write_bytes(b"")
    assert_refused(path, "not a zip file")
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("samples/" + "0" * 64 + ".wav", b"x")
    assert_refused(path, "it has no manifest")
    assert_refused(written(path, SOUND, {"format": "other"}), "does not say nashboard-bundle")
    assert_refused(written(path, SOUND, {"runs": []}), "lists no runs")
    assert_refused(written(path, SOUND, {"runs": [{"id": "b"}]}), "'b' without a journal")


def test_a_version_that_is_not_known(tmp_path: Path) -> None:
    assert_refused(
        written(tmp_path / "x", SOUND, {"version": 2}), "version 2; this Nashboard opens version 1: update it"
    )


def test_a_bundle_that_was_cut_short(run: Path, tmp_path: Path) -> None:
    whole = pack([run], tmp_path / "a.zip").path.read_bytes()
    for share in (0.3, 0.9, 0.999):
        path = tmp_path / "cut.zip"
        path.write_bytes(whole[: int(len(whole) * share)])
        assert_refused(path, "is cut short")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "runs/a/../../x", "runs\\a\\x", "x.py", "samples/"]
)
def test_a_name_that_leads_elsewhere(tmp_path: Path, name: str) -> None:
    assert_refused(
        written(tmp_path / "x", {**SOUND, name: b"evil"}), "which no bundle holds: nothing of it was opened"
    )


def test_a_bomb_is_known_by_its_directory(tmp_path: Path) -> None:
    path = written(tmp_path / "x", {**SOUND, f"samples/{'0' * 64}.wav": bytes(20_000_000)})
    assert_refused(path, "more than 200 to 1 is taken for a bomb")
    assert_refused(path, "unpacks to 20000", Limits(unpacked=1_000_000))
    assert_refused(written(path, SOUND), "has 3 members; the limit is 2", Limits(members=2))
    assert_refused(
        written(path, {**SOUND, "runs/a/run.json": b" " * 5000}), "the limit is 1000", Limits(text=1000)
    )


def test_a_size_that_lies_is_found_while_reading(tmp_path: Path) -> None:
    path = written(tmp_path / "x", {**SOUND, f"samples/{'0' * 64}.wav": b"a" * 5000})
    lying = path.read_bytes().replace(struct.pack("<I", 5000), struct.pack("<I", 50))
    path.write_bytes(lying)
    assert_refused(path, "is damaged")


def test_other_bytes_than_the_manifest_names(tmp_path: Path) -> None:
    told = {n: {"sha256": "0" * 64, "size": len(d)} for n, d in SOUND.items()}
    assert_refused(written(tmp_path / "x", SOUND, {"members": told}), "are not those that its manifest names")
    told = {n: {"sha256": hashlib.sha256(d).hexdigest(), "size": 1} for n, d in SOUND.items()}
    assert_refused(written(tmp_path / "x", SOUND, {"members": told}), "has more bytes in")


def test_members_and_manifest_must_agree(tmp_path: Path) -> None:
    told = {n: {"sha256": "0" * 64, "size": 1} for n in (*SOUND, f"samples/{'0' * 64}.wav")}
    assert_refused(written(tmp_path / "x", SOUND, {"members": told}), "is missing")
    assert_refused(written(tmp_path / "x", SOUND, {"members": {}}), r"events.jsonl' is not in its manifest")
    assert_refused(written(tmp_path / "x", SOUND, {"members": dict.fromkeys(SOUND, 3)}), "says nothing sound")


def test_a_flipped_bit_is_found(run: Path, tmp_path: Path) -> None:
    path = pack([run], tmp_path / "a.zip").path
    whole = bytearray(path.read_bytes())
    whole[200] ^= 1
    path.write_bytes(bytes(whole))
    assert_refused(path, "is damaged")


def test_a_writer_takes_no_name_of_its_own() -> None:
    with Writer(io.BytesIO()) as writer, pytest.raises(BadBundle, match="cannot be a member"):
        writer.add("../x", [b""])


# The command line --------------------------------------------------------------


def test_pack_and_open_at_the_command_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "a.nashboard.zip")
    assert main(["pack", str(run), "-o", out]) == 0
    said = capsys.readouterr().out
    assert "run feedbeef0001: 25 events, 1 samples" in said
    assert "taken out:\n  host name 'node-17'" in said
    assert main(["pack", str(run), "-o", out, "--no-strip"]) == 0
    assert "it tells the following; without --no-strip it does not:" in capsys.readouterr().out
    assert main(["open", out, "--into", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "out" / RUN)
    assert main(["open", out, "--into", str(tmp_path / "out")]) == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said", "status"),
    [
        (["pack", "nosuch"], "'nosuch' holds no events.jsonl", 2),
        (["pack", "nosuch", "url=http://127.0.0.1:9"], "cannot reach http://127.0.0.1:9", 1),
        (["pack", "http://127.0.0.1:9/x"], "is no run's address", 2),
        (["pack", "http://127.0.0.1:9/runs/a", "--checkpoints"], "pack the run's folder there", 2),
        (["open", "nosuch.zip"], "nosuch.zip: No such file", 2),
    ],
)
def test_bad_input_is_one_line(
    words: list[str], said: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == status
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_open_needs_to_know_where(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(pack([run], tmp_path / "a.zip").path)
    assert main(["open", path]) == 2
    assert "open needs the server" in capsys.readouterr().err
    assert main(["open", path, "somewhere"]) == 2
    assert "'somewhere' is not understood" in capsys.readouterr().err
