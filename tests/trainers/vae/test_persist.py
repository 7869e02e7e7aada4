"""Saving and loading: the document's structure, safe files, and clear errors for files of another kind."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import pytest
import torch

from trainers.kit.errors import BadInput
from trainers.vae.lightning_module import VAELightningModule
from trainers.vae.model import AudioVAE
from trainers.vae.persist import (
    load_from_lightning_checkpoint,
    load_from_run,
    load_model,
    load_training_state,
    save_model,
)

ROOT = Path(__file__).parents[3]
SMALL: dict[str, Any] = {"base_channels": 4, "channel_mults": [1, 2], "strides": [2, 4], "latent_dim": 4}
WAVE = torch.linspace(-1, 1, 200).reshape(1, 2, 100)


def heard(model: AudioVAE) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(WAVE).recon


def test_a_model_comes_back_with_everything(tmp_path: Path) -> None:
    model = AudioVAE(**SMALL)
    model.train()(WAVE)
    model.freeze_encoder()
    save_model(model, str(tmp_path / "new" / "model.pt"), epoch=50, global_step=25000, metadata={"a": 1})
    kept = torch.load(tmp_path / "new" / "model.pt", weights_only=True)
    assert set(kept) == {
        *("model_state_dict", "model_config", "latent_statistics", "encoder_frozen"),
        *("epoch", "global_step", "metadata"),
    }
    assert kept["model_config"] == {"in_channels": 2, **SMALL, "kernel_size": 7, "dilations": [1, 3, 9]}
    back = load_model(str(tmp_path / "new" / "model.pt"), map_location="cpu")
    assert torch.equal(heard(back), heard(model))
    assert back.encoder_frozen
    assert not back.training
    assert torch.equal(back.latent_std, model.latent_std)
    assert not torch.equal(back.latent_std, torch.ones(4))


def test_what_safe_loading_would_refuse_is_made_plain_or_named(tmp_path: Path) -> None:
    omegaconf = pytest.importorskip("omegaconf")
    path = tmp_path / "model.pt"
    metadata = {
        "loss": np.float64(0.5),
        "count": np.int64(3),
        "path": tmp_path,
        "config": omegaconf.OmegaConf.create({"a": [1, 2]}),
    }
    save_model(AudioVAE(**SMALL), path, metadata=metadata)
    kept = torch.load(path, weights_only=True)["metadata"]
    assert kept == {"loss": 0.5, "count": 3, "path": str(tmp_path), "config": {"a": [1, 2]}}
    # the sabotaged twin: the same values as they are do not load
    torch.save({"metadata": {"path": tmp_path, "loss": np.float64(0.5)}}, path)
    with pytest.raises(BadInput, match="more than tensors and plain values"):
        load_model(path)
    with pytest.raises(TypeError, match=r"metadata\.made is a object"):
        save_model(AudioVAE(**SMALL), path, metadata={"made": object()})


def test_training_goes_on_where_it_was(tmp_path: Path) -> None:
    model = AudioVAE(**SMALL)
    optimizer = torch.optim.Adam(model.parameters())
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 100)
    model(WAVE).recon.square().mean().backward()
    optimizer.step()
    scheduler.step()
    path = tmp_path / "model.pt"
    save_model(model, path, optimizer.state_dict(), scheduler.state_dict(), epoch=3)
    again = torch.optim.Adam(load_model(path).parameters())
    later = torch.optim.lr_scheduler.CosineAnnealingLR(again, 100)
    state = load_training_state(path, again, later)
    assert (state["epoch"], state["global_step"], state["metadata"]) == (3, None, {})
    assert later.last_epoch == 1
    assert again.state_dict()["state"].keys() == optimizer.state_dict()["state"].keys()
    save_model(model, path)
    with pytest.raises(BadInput, match="holds no optimizer_state_dict"):
        load_training_state(path, again)


def lightning_file(path: Path, **more: Any) -> VAELightningModule:
    module = VAELightningModule(AudioVAE(**SMALL), use_adversarial=False, **more)
    trainer = lightning.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.strategy.connect(module)
    trainer.save_checkpoint(path, weights_only=False)
    return module


def test_a_lightning_checkpoint_is_converted_and_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "epoch=99.ckpt"
    module = lightning_file(path)
    assert torch.equal(heard(load_from_lightning_checkpoint(path)), heard(module.model))
    with pytest.raises(BadInput, match=r"is a Lightning checkpoint.*load_from_lightning_checkpoint\(\)"):
        load_model(path)
    bare = torch.load(path, weights_only=True)
    del bare["model_config"]
    torch.save(bare, path)
    with pytest.raises(BadInput, match="Checkpoint does not contain 'model_config'"):
        load_from_lightning_checkpoint(path)
    save_model(module.model, path)
    with pytest.raises(BadInput, match=r"no Lightning checkpoint; it is by save_model\(\)"):
        load_from_lightning_checkpoint(path)


def test_files_of_another_kind_say_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "old.pt"
    torch.save({"model_state_dict": {}}, path)
    with pytest.raises(BadInput, match="Checkpoint does not contain 'model_config'"):
        load_model(path)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(BadInput, match="is damaged"):
        load_model(path)
    with pytest.raises(BadInput, match=r"nowhere.*cannot be read"):
        load_model(tmp_path / "nowhere.pt")


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    model = AudioVAE(**SMALL)
    save_model(model, path)
    kept = torch.load(path, weights_only=True)
    lost = next(iter(kept["model_state_dict"]))
    del kept["model_state_dict"][lost]
    torch.save(kept, path)
    with pytest.raises(BadInput, match=f"missing {lost}; strict=False takes those that do"):
        load_model(path)
    assert load_model(path, strict=False).config == model.config


def test_the_model_of_a_run(vae: Callable[..., Any]) -> None:
    ran = vae({"trainer.max_steps": 2}, "ladder-5-ema")
    model = load_from_run(ran.checkpoint)
    assert all(torch.equal(v, ran.state["ema"]["shadow"][n]) for n, v in model.state_dict().items())
    with pytest.raises(BadInput, match=r"load_from_run\(\) reads it"):
        load_model(ran.checkpoint)


def test_the_example_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples/model_save_load_example.py"), str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "converted from Lightning"
    assert (tmp_path / "standalone_model.pt").is_file()
