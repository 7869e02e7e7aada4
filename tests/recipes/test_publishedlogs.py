"""Bands out of published logs: what is shipped, what it says of itself, and that the script makes it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recipes import publishedlogs
from recipes.bands import FOLDER, library, load
from recipes.compose import build
from recipes.publishedlogs import BadLog, quantiles

CIFAR = "CIFAR-10, binary"


def shipped(name: str) -> dict[str, publishedlogs.Band]:
    return {b.series: b for b in load(FOLDER / name)}


def test_the_family_is_drawn_on_its_own_and_says_what_it_is() -> None:
    family = shipped("cgan-published-logs.yaml")
    assert set(family) == {"loss/disc", "loss/gen", "eval/fid", "eval/is"}
    told = {b.series for b in library("cgan") if b.name == "hinge GANs"}
    assert told == set(family)
    loss = family["loss/disc"]
    assert loss.label == "published, hinge GANs, 5 runs"
    assert loss.x == "samples"
    assert "10 % to 90 % quantile of the values within 20 windows, 5 runs of 5 architectures" in loss.protocol
    assert "not over seeds" in loss.note
    assert loss.at(16_000_000) == pytest.approx((0.3620, 0.9278), abs=0.02)
    assert {n.rsplit("-20", 1)[0] for n in loss.runs} == {
        f"CIFAR10__{name}" for name in ("BigGAN", "BigGAN-Deep", "LOGAN", "SAGAN", "SNGAN")
    }


def test_one_architecture_is_one_run_and_is_drawn_where_it_is_asked_for() -> None:
    for short in publishedlogs.ALONE.values():
        for band in shipped(f"cgan-log-{short}.yaml").values():
            assert len(band.runs) == 1
            assert "one run" in band.protocol
            assert band not in library("cgan")
    assert set(shipped("cgan-log-stylegan2.yaml")) == set(publishedlogs.SERIES.values())
    assert "50,000 images" in shipped("cgan-log-stylegan2.yaml")["eval/fid"].note
    assert "10,000 images" in shipped("cgan-log-sngan.yaml")["eval/fid"].note


def test_no_fid_band_is_about_a_classifiers_distance() -> None:
    every = [b for path in FOLDER.glob("cgan-*log*.yaml") for b in load(path)]
    assert not [b.series for b in every if "classifier" in b.series]


def test_bands_hold_for_the_same_game_on_the_same_data_and_protocol() -> None:
    family = shipped("cgan-published-logs.yaml")
    assert family["loss/disc"].misfit(build("cgan"), CIFAR) == ""
    assert family["loss/disc"].misfit(build("cgan"), "digits") == (
        "published on CIFAR-10: not this data (digits)"
    )
    other = build("cgan", patch={"loss": "vanilla"})
    assert family["loss/disc"].misfit(other, CIFAR) == "published at loss hinge: not this set-up (vanilla)"
    assert family["eval/fid"].misfit(build("cgan"), CIFAR).startswith("published at score.reference held_out")
    same = build("cgan", patch={"score.reference": "held_out", "score.images": 10_000})
    assert family["eval/fid"].misfit(same, CIFAR) == ""


def test_quantiles_are_those_of_each_window_and_runs_weigh_the_same() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=4001)
    run = list(zip(range(4001), values.tolist(), strict=True))
    points = quantiles([run], 4)
    assert [p[0] for p in points] == [0, 500, 1500, 2500, 3500, 4000]
    assert points[0][1:] == points[1][1:]
    assert points[-1][1:] == points[-2][1:]
    for n, (_, low, high) in enumerate(points[1:-1]):
        part = values[n * 1000 : (n + 1) * 1000 + (n == 3)]
        assert (low, high) == pytest.approx(np.quantile(part, [0.1, 0.9]), abs=0.01)
    # a run logged ten times as often does not count ten times as much
    often = [(x / 10, 1.0) for x in range(1001)]
    seldom = [(float(x), 5.0) for x in range(101)]
    assert quantiles([often, seldom], 2)[0][1:] == (1.0, 5.0)


def test_the_script_makes_the_files_anew_from_a_folder(tmp_path: Path, capsys) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    index = {}
    for name in {*publishedlogs.FAMILY, *publishedlogs.ALONE}:
        loss = {"StyleGAN2": "logistic", "WGAN-GP": "wasserstein"}.get(name, "hinge")
        index[f"CIFAR10__{name}-2020_01_01_00_00_00"] = {
            "adv_loss": loss, "batch": "64", "d_steps": "5", "best_fid": [20, 9.0], "last_fid": [40, 9.5],
        }  # fmt: skip
        rows = [f"{s},1.0,0.5,{9.0 if s % 2 == 0 else ''}" for s in range(1, 41)]
        path = logs / f"CIFAR10__{name}-2020_01_01_00_00_00.csv"
        path.write_text("\n".join(["step,d_loss,g_loss,fid", *rows]))
    (logs / "index.json").write_text(json.dumps(index))
    out = tmp_path / "out"
    out.mkdir()
    assert publishedlogs.main([str(logs), "--to", str(out)]) == 0
    assert len(list(out.iterdir())) == 6
    (made,) = [b for b in load(out / "cgan-published-logs.yaml") if b.series == "loss/disc"]
    assert (made.low, made.high, made.x_from, made.x_to) == (1.0, 1.0, 320, 12_800)
    capsys.readouterr()
    index["CIFAR10__SAGAN-2020_01_01_00_00_00"]["last_fid"] = [40, 300.0]
    (logs / "index.json").write_text(json.dumps(index))
    assert publishedlogs.main([str(logs), "--to", str(out)]) == 2
    assert "SAGAN diverged" in capsys.readouterr().err
    with pytest.raises(BadLog, match=r"index\.json: the logs cannot be read"):
        publishedlogs.read(tmp_path / "nowhere")
