"""Checkpoints: plain content, whole files, clear refusals, and who is kept."""

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from trainers.kit import checkpoints
from trainers.kit.checkpoints import Checkpoint, Keeper, restore
from trainers.kit.errors import BadInput


def made(step: int = 3, **state: Any) -> Checkpoint:
    return Checkpoint("abcdefabcdef", "codec", step, {"gen.channels": 8, "seed": 1}, state)


def test_comes_back_as_it_was(tmp_path: Path) -> None:
    net = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    path = tmp_path / "checkpoints" / "step-00000003.pt"
    checkpoints.save(path, made(net=net.state_dict(), optimizer=optimizer.state_dict(), number=1.5))
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    found = checkpoints.load(path, "codec")
    assert (found.run, found.step, found.recipe) == ("abcdefabcdef", 3, {"gen.channels": 8, "seed": 1})
    other = torch.nn.Linear(3, 2)
    fresh = torch.optim.AdamW(other.parameters())
    restore({"net": other, "optimizer": fresh}, found, found.recipe)
    assert torch.equal(other.weight, net.weight)
    for name, value in optimizer.state_dict()["state"][0].items():
        assert torch.equal(fresh.state_dict()["state"][0][name], value)


def test_holds_nothing_but_tensors_and_plain_values(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"state\.a\.b\[1\] is a object"):
        checkpoints.save(tmp_path / "x.pt", made(a={"b": [1, object()]}))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_named_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(content: object, out: object) -> None:
        raise RuntimeError("unexpected pos 2413312 vs 2413200")

    monkeypatch.setattr(torch, "save", torn)
    monkeypatch.setattr(checkpoints.shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    with pytest.raises(
        checkpoints.Unwritable, match=r"x\.pt' cannot be written: its disk is full .*another run_dir"
    ):
        checkpoints.save(tmp_path / "x.pt", made())
    assert list(tmp_path.iterdir()) == []


def foreign(path: Path, what: str) -> None:
    match what:
        case "text":
            path.write_text("no checkpoint")
        case "empty":
            path.write_bytes(b"")
        case "torn":
            checkpoints.save(path, made(big=torch.zeros(1000)))
            path.write_bytes(path.read_bytes()[:2000])
        case "object":
            torch.save({"model": torch.nn.Linear(1, 1)}, path)
        case "pickle":
            path.write_bytes(pickle.dumps({"a": Path("x")}))
        case "weights":
            torch.save({"weight": torch.zeros(2)}, path)


@pytest.mark.parametrize("what", ["text", "empty", "torn", "object", "pickle", "weights"])
def test_a_foreign_or_damaged_file_is_named(tmp_path: Path, what: str) -> None:
    path = tmp_path / "thing.pt"
    foreign(path, what)
    with pytest.raises(BadInput, match=r"thing\.pt' is no checkpoint of ours") as caught:
        checkpoints.load(path)
    assert "\n" not in str(caught.value)


def test_another_trainer_or_a_newer_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.pt"
    checkpoints.save(path, made())
    with pytest.raises(BadInput, match="belongs to the trainer 'codec', not to 'vae'"):
        checkpoints.load(path, "vae")
    monkeypatch.setattr(checkpoints, "VERSION", 0)
    with pytest.raises(BadInput, match="newer version"):
        checkpoints.load(path)


def test_what_does_not_fit_is_named_with_its_knob(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    checkpoints.save(path, made(gen=torch.nn.Linear(3, 8).state_dict()))
    found = checkpoints.load(path)
    with pytest.raises(BadInput, match=r"in gen: weight is 8x3 there and 16x3 here; .*gen\.channels 8 → 16"):
        restore({"gen": torch.nn.Linear(3, 16)}, found, {"gen.channels": 16, "seed": 1})
    with pytest.raises(BadInput, match=r"in disc: weight is missing there"):
        restore({"disc": torch.nn.Linear(3, 16)}, found, found.recipe)


def test_find_takes_a_run_folder_or_a_file(tmp_path: Path) -> None:
    for step in (20, 10):
        checkpoints.save(tmp_path / "run" / "checkpoints" / f"step-{step:08d}.pt", made(step))
    last = tmp_path / "run" / "checkpoints" / "step-00000010.pt"
    assert checkpoints.find(str(tmp_path / "run")) == last, "the one written last, not the highest step"
    assert checkpoints.find(str(last.parent)) == last
    first = last.with_name("step-00000020.pt")
    assert checkpoints.find(str(first)) == first
    assert checkpoints.run_folder(first) == tmp_path / "run"
    assert checkpoints.run_folder(tmp_path / "x.pt") is None
    with pytest.raises(BadInput, match="no such run folder"):
        checkpoints.find(str(tmp_path / "nowhere"))
    (tmp_path / "bare").mkdir()
    with pytest.raises(BadInput, match="holds no checkpoint"):
        checkpoints.find(str(tmp_path / "bare"))


def names(keeper: Keeper) -> list[int]:
    return [int(p.stem.split("-")[1]) for p in checkpoints.listed(keeper.run_dir)]


def test_keeps_the_last_and_the_best(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, keep_last=2, best_by="eval/mel")
    said = [keeper.save(made(step), {"eval/mel": mel}) for step, mel in enumerate([0.5, 0.3, 0.4, 0.6, 0.7])]
    assert names(keeper) == [1, 3, 4]
    assert [s.best for s in said] == [{"eval/mel": 0.5}, {"eval/mel": 0.3}, {}, {}, {}]
    assert [p.name for p in said[-1].kept] == ["step-00000001.pt", "step-00000003.pt", "step-00000004.pt"]
    assert checkpoints.load(said[-1].path).best == {"series": "eval/mel", "value": 0.3, "step": 1}


def test_the_direction_of_best_comes_from_the_vocabulary_and_nan_never_is(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, keep_last=1, best_by="eval/snr")
    said = [keeper.save(made(i), {"eval/snr": v}) for i, v in enumerate([float("nan"), 1.0, 3.0, 2.0])]
    assert [s.best for s in said] == [{}, {"eval/snr": 1.0}, {"eval/snr": 3.0}, {}]
    assert names(keeper) == [2, 3]


def test_goes_on_after_a_resume_and_leaves_pinned_ones(tmp_path: Path) -> None:
    first = Keeper(tmp_path, keep_last=1, best_by="eval/mel")
    for step, mel in ((1, 0.2), (2, 0.5)):
        first.save(made(step), {"eval/mel": mel})
    checkpoints.pin(first.path_of(2), "fedcbafedcba")
    again = Keeper(tmp_path, keep_last=1, best_by="eval/mel", best=checkpoints.load(first.path_of(2)).best)
    for step, mel in ((3, 0.4), (4, 0.3)):
        assert again.save(made(step), {"eval/mel": mel}).best == {}
    assert names(again) == [1, 2, 4]
    assert first.path_of(2).with_name("step-00000002.pt.pin").read_text() == "fedcbafedcba\n"


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(content: Any, out: Any) -> None:
        out.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="its disk is full"):
        checkpoints.save(tmp_path / "c.pt", made())
    assert list(tmp_path.iterdir()) == []
