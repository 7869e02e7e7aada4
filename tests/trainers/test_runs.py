"""Where a run lives and what it goes on from: fresh folders, resumes, forks, refusals that write nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nashboard import journal
from nashboard.reporter import Reporter
from trainers.kit import checkpoints, runs
from trainers.kit.errors import BadInput

Codec = Callable[..., Any]


def refused(codec: Codec, *words: str, **more: Any) -> str:
    with pytest.raises(BadInput) as caught:
        codec(*words, **more)
    return str(caught.value)


def tree(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_a_run_without_a_folder_makes_its_own(
    codec: Codec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    monkeypatch.setenv("NASHBOARD_RUN", "0123456789ab")
    assert codec("trainer.max_steps=1", "seed=3", preset="old", run=None).status == 0
    assert [str(p) for p in Path("runs").iterdir()] == ["runs/codec-old-s3-0123456789ab"]


def test_a_folder_with_other_files_is_fine_one_with_a_journal_is_not(codec: Codec, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    assert codec("trainer.max_steps=1").status == 0
    before = tree(tmp_path)
    said = refused(codec, "trainer.max_steps=1")
    assert "holds the journal of another run" in said
    assert "resume" in said
    assert tree(tmp_path) == before


def test_a_folder_that_cannot_be_made(
    codec: Codec, tmp_path: Path, audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    assert "is a file" in refused(codec, "trainer.max_steps=1", run="file/run")
    monkeypatch.setattr(runs.os, "access", lambda path, mode: path == audio)
    assert "no permission" in refused(codec, "trainer.max_steps=1", run="closed")
    monkeypatch.undo()
    assert "File name too long" in refused(codec, "trainer.max_steps=1", run="x" * 300)


def test_a_folder_that_another_process_writes(codec: Codec, tmp_path: Path) -> None:
    codec("trainer.max_steps=1")
    other = Reporter(tmp_path / "run", resume=True)
    said = refused(codec, "trainer.max_steps=2", resume=tmp_path / "run")
    other.finish()
    assert "another process is writing" in said


def test_resume_goes_on_with_the_same_run(
    codec: Codec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASHBOARD_PARENT", "aaaaaaaaaaaa")
    monkeypatch.setenv("NASHBOARD_PROJECT", "mine")
    first = codec("trainer.max_steps=2", "disc.lr=0.005")
    monkeypatch.undo()
    again = codec("trainer.max_steps=4", "disc.lr=0.005", resume=first.run_dir)
    one, two = again.of("run_started")
    assert one["run"] == two["run"]
    assert (two["resumed_from"], two["parent"], two["project"]) == (2, "aaaaaaaaaaaa", "mine")
    assert [e["status"] for e in again.of("run_ended")] == ["finished", "finished"]
    evaluated = [e["step"] for e in again.of("points") if "eval/snr" in e["values"]]
    assert evaluated == [0, 2, 4]
    assert [e["step"] for e in again.of("sample_made") if e["series"] == "reference"] == [0]
    assert [(e["step"], e["name"], e["label"]) for e in again.of("mark") if e["name"] == "resumed"] == [
        (2, "resumed", "step-00000002.pt")
    ]


def test_other_data_after_a_resume_is_said(codec: Codec, audio: Path) -> None:
    first = codec("trainer.max_steps=2")
    used = first.of("sample_made")[0]["slot"]
    (audio / f"{used}.wav").unlink()
    again = codec("trainer.max_steps=4", resume=first.run_dir)
    one, two = (e["environment"]["eval_hash"] for e in again.of("run_started"))
    assert one != two
    assert "another one from here on" in again.of("note_written")[-1]["text"]
    assert [e["step"] for e in again.of("sample_made") if e["series"] == "reference"] == [0, 2]


def test_resume_without_a_preset_takes_the_recipe_of_the_checkpoint(codec: Codec) -> None:
    first = codec("trainer.max_steps=2", "disc.lr=0.005", preset="old")
    from recipes.compose import compose

    request = compose("codec", ["trainer.max_steps=3", f"resume={first.run_dir}"])
    assert runs.carry_out(request) == 0
    started = first.of("run_started")[1]
    assert (started["preset"], started["recipe"]["disc.lr"], started["total_steps"]) == ("old", 0.005, 3)
    assert started["recipe"]["gen.channels"] == 8


def test_a_fork_with_a_patched_knob(codec: Codec, tmp_path: Path) -> None:
    first = codec("trainer.max_steps=2")
    path = checkpoints.listed(first.run_dir)[-1]
    fork = codec("trainer.max_steps=4", "disc.lr=0.5", run="fork", resume=path)
    (start,) = fork.of("run_started")
    assert (start["parent"], start["resumed_from"]) == (first.events[0]["run"], 2)
    assert start["run"] != start["parent"]
    assert fork.series("disc/lr") == {3: 0.5, 4: 0.5}
    assert list(fork.series("eval/snr")) == [2, 4]
    assert fork.series("eval/snr")[2] == first.series("eval/snr")[2]
    assert {e["series"] for e in fork.of("sample_made") if e["step"] == 2} == {"reference", "reconstruction"}
    assert path.with_name(path.name + ".pin").read_text().split() == [start["run"]]


def test_a_fork_of_another_architecture_is_refused_in_words(codec: Codec, tmp_path: Path) -> None:
    first = codec("trainer.max_steps=1")
    before = tree(tmp_path)
    said = refused(codec, "trainer.max_steps=4", "gen.channels=16", run="fork", resume=first.run_dir)
    assert "does not fit this recipe in gen" in said
    assert "gen.channels 8 → 16" in said
    said = refused(codec, "trainer.max_steps=4", preset="old", run="fork", resume=first.run_dir)
    assert "in game" in said
    assert "disc.kind mpd_stft → msd_grouped" in said
    assert tree(tmp_path) == before


def test_a_run_that_died_before_it_saved_begins_again_in_its_journal(codec: Codec, tmp_path: Path) -> None:
    first = codec("trainer.max_steps=2", "disc.lr=0.005")
    for path in checkpoints.listed(first.run_dir):
        path.unlink()
    again = codec("trainer.max_steps=2", "disc.lr=0.005", resume=first.run_dir)
    one, two = again.of("run_started")
    assert (one["run"], one["recipe"]) == (two["run"], two["recipe"])
    assert two["resumed_from"] == 0
    assert [e["step"] for e in again.of("checkpoint_saved")] == [2, 2]


def test_what_cannot_be_gone_on_from(codec: Codec, tmp_path: Path) -> None:
    first = codec("trainer.max_steps=2")
    assert "set trainer.max_steps above 2" in refused(codec, "trainer.max_steps=2", resume=first.run_dir)
    assert "no such run folder" in refused(codec, "trainer.max_steps=2", run="b", resume=tmp_path / "none")
    (tmp_path / "bad.pt").write_text("x")
    assert "no checkpoint of ours" in refused(
        codec, "trainer.max_steps=2", run="b", resume=tmp_path / "bad.pt"
    )
    assert not (tmp_path / "b").exists()


def test_a_folder_gone_on_with_is_not_another_ones(codec: Codec, tmp_path: Path) -> None:
    codec("trainer.max_steps=2", run="a")
    codec("trainer.max_steps=2", run="b")
    assert "a fork needs a folder of its own" in refused(
        codec, "trainer.max_steps=4", run="b", resume=tmp_path / "a"
    )


def test_a_full_disk_is_loud(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    write = journal.Journal._write

    def full(self: journal.Journal, line: bytes) -> None:
        if self.next_seq >= 20:
            raise journal.JournalFull(28, f"{self.path}: there is no room")
        write(self, line)

    monkeypatch.setattr(journal.Journal, "_write", full)
    ran = codec("trainer.max_steps=1000")
    assert ran.status == 1
    assert len(ran.events) == 20
    assert "there is no room" in ran.err
    assert "the journal could not be ended" in ran.err


def test_too_little_memory_says_what_to_do(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainers.codec import train

    def full(*args: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(train, "Training", full)
    assert "take a smaller size or data.batch" in refused(codec, "trainer.max_steps=2")
