"""Saving and loading an `AudioVAE` with everything that rebuilds it, in one file of the document's structure.

Files hold tensors and plain values only, so that they load with ``weights_only=True``. A file of Lightning's or
of a run's folder has another structure, and a loader of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recipes.base import BadRecipe
from recipes.registry import load as load_recipe
from trainers.kit.checkpoints import FORMAT, plain
from trainers.kit.errors import BadInput
from trainers.vae.model import AudioVAE, build_model

CONFIG = (
    "in_channels",
    "base_channels",
    "channel_mults",
    "strides",
    "latent_dim",
    "kernel_size",
    "dilations",
)
PREFIX = "model."
StrPath = str | os.PathLike[str]


def save_model(
    model: AudioVAE,
    save_path: StrPath,
    optimizer_state: dict[str, Any] | None = None,
    scheduler_state: dict[str, Any] | None = None,
    epoch: int | None = None,
    global_step: int | None = None,
    metadata: dict[str, Any] | None = None,
) -> None:
    """Writes the model, and whatever of the rest is given; missing folders are made, the file appears whole.

    Numpy's scalars and paths become plain values, OmegaConf's containers too.

    Raises:
        TypeError: for something in a state or in the metadata that safe loading would refuse, with its place.
        OSError: where the file cannot be written.
    """
    path = Path(save_path)
    content: dict[str, Any] = {
        "model_state_dict": model.state_dict(),
        "model_config": model.config,
        "latent_statistics": model.latent_statistics,
        "encoder_frozen": model.encoder_frozen,
    }
    rest = {
        "optimizer_state_dict": optimizer_state,
        "scheduler_state_dict": scheduler_state,
        "epoch": epoch,
        "global_step": global_step,
        "metadata": metadata,
    }
    content |= {name: value for name, value in rest.items() if value is not None}
    kept = {name: plain(_unwrapped(value), name) for name, value in content.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    making = path.with_name(f".{path.name}.part")
    try:
        torch.save(kept, making)
        making.replace(path)
    except RuntimeError as problem:  # torch's zip writer says so of a full disk
        raise OSError(f"{path} cannot be written: {problem}") from problem
    finally:
        making.unlink(missing_ok=True)


def _unwrapped(value: Any) -> Any:
    """OmegaConf's containers as plain ones; the package need not be there."""
    if type(value).__module__.startswith("omegaconf."):
        from omegaconf import OmegaConf

        return OmegaConf.to_container(value, resolve=True)
    if isinstance(value, Mapping):
        return {name: _unwrapped(one) for name, one in value.items()}
    return [_unwrapped(one) for one in value] if isinstance(value, list | tuple) else value


def load_model(checkpoint_path: StrPath, map_location: str | None = None, strict: bool = True) -> AudioVAE:
    """The model of a file by `save_model`, rebuilt from its own numbers, in evaluation mode.

    ``map_location`` is where it goes; without one, the CPU. ``strict=False`` takes the weights that fit by name
    and shape, and leaves the others as they are drawn.

    Raises:
        BadInput: for a file that is missing, damaged, unsafe, or of another structure, with the way out.
    """
    content = _read(checkpoint_path, map_location)
    if "model_config" not in content or "model_state_dict" not in content:
        raise BadInput(_misread(checkpoint_path, content))
    model = _built(checkpoint_path, content["model_config"])
    _filled(checkpoint_path, model, content["model_state_dict"], strict)
    return _finished(model, content, map_location)


def load_training_state(
    checkpoint_path: StrPath,
    optimizer: torch.optim.Optimizer | None = None,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    map_location: str | None = None,
) -> dict[str, Any]:
    """Puts an optimiser and a scheduler where a file by `save_model` left them.

    Returns:
        ``epoch``, ``global_step`` (None where the file has none) and ``metadata``.

    Raises:
        BadInput: as `load_model`, and for a state that is asked for but not there, or does not fit.
    """
    content = _read(checkpoint_path, map_location)
    if "model_state_dict" not in content:
        raise BadInput(_misread(checkpoint_path, content))
    for name, part in (("optimizer", optimizer), ("scheduler", scheduler)):
        if part is None:
            continue
        state = content.get(f"{name}_state_dict")
        if state is None:
            raise BadInput(
                f"{str(checkpoint_path)!r} holds no {name}_state_dict; save it with "
                f"save_model(…, {name}_state={name}.state_dict())"
            )
        try:
            part.load_state_dict(state)
        except (ValueError, KeyError, RuntimeError) as problem:
            raise BadInput(f"the {name} does not fit {str(checkpoint_path)!r}: {problem}") from problem
    return {
        "epoch": content.get("epoch"),
        "global_step": content.get("global_step"),
        "metadata": content.get("metadata", {}),
    }


def load_from_lightning_checkpoint(
    checkpoint_path: StrPath, map_location: str | None = None, strict: bool = True
) -> AudioVAE:
    """The model of a Lightning checkpoint of `VAELightningModule`; the averaged weights where there are.

    Raises:
        BadInput: as `load_model`, and for a checkpoint that does not say how the model is built.
    """
    content = _read(checkpoint_path, map_location)
    if not _is_lightning(content):
        raise BadInput(f"{str(checkpoint_path)!r} is no Lightning checkpoint; {_way(content)}")
    hyper = content.get("hyper_parameters") or {}
    config = content.get("model_config") or hyper.get("model_config") or hyper
    if not all(name in config for name in CONFIG):
        raise BadInput(
            f"Checkpoint does not contain 'model_config': {str(checkpoint_path)!r} does not say how its model is "
            "built; build an AudioVAE yourself and load its state_dict"
        )
    model = _built(checkpoint_path, config)
    averaged = (content.get("ema") or {}).get("shadow")
    weights = averaged or {
        name.removeprefix(PREFIX): value
        for name, value in content["state_dict"].items()
        if name.startswith(PREFIX)
    }
    _filled(checkpoint_path, model, weights, strict)
    return _finished(model, content, map_location)


def load_from_run(checkpoint_path: StrPath, map_location: str | None = None) -> AudioVAE:
    """The model of a checkpoint in a run's folder (``checkpoints/step-*.pt``); averaged where there are.

    Raises:
        BadInput: as `load_model`.
    """
    content = _read(checkpoint_path, map_location)
    if content.get("format") != FORMAT or content.get("trainer") != "vae":
        raise BadInput(f"{str(checkpoint_path)!r} is no checkpoint of a vae run; {_way(content)}")
    try:
        model = build_model(load_recipe("vae", content["recipe"]).model)  # type: ignore[attr-defined]
    except BadRecipe as problem:
        raise BadInput(f"the recipe in {str(checkpoint_path)!r} cannot be used: {problem}") from problem
    state = content["state"]
    _filled(checkpoint_path, model, state["ema"]["shadow"] if "ema" in state else state["model"], True)
    return _finished(model, {"encoder_frozen": model.encoder_frozen}, map_location)


def _read(path: StrPath, map_location: str | None) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location=map_location or "cpu", weights_only=True)
    except OSError as problem:
        raise BadInput(f"checkpoint {str(path)!r} cannot be read: {problem.strerror or problem}") from problem
    except Exception as problem:  # a foreign pickle can fail in any way at all
        text = " ".join(str(problem).split())[:120]
        raise BadInput(
            f"{str(path)!r} is damaged, or holds more than tensors and plain values, which is not loaded "
            f"({type(problem).__name__}: {text}); save it again with save_model()"
        ) from problem
    if not isinstance(content, dict):
        raise BadInput(f"{str(path)!r} holds a {type(content).__name__}, no checkpoint")
    return content


def _is_lightning(content: Mapping[str, Any]) -> bool:
    return "pytorch-lightning_version" in content or ("state_dict" in content and "loops" in content)


def _way(content: Mapping[str, Any]) -> str:
    """Which loader a file belongs to."""
    if _is_lightning(content):
        return "it is a Lightning checkpoint: load_from_lightning_checkpoint() reads it"
    if content.get("format") == FORMAT:
        return "it is a run's checkpoint: load_from_run() reads it"
    if "model_config" in content:
        return "it is by save_model(): load_model() reads it"
    return "re-save the model with save_model()"


def _misread(path: StrPath, content: Mapping[str, Any]) -> str:
    if _is_lightning(content):
        return (
            f"{str(path)!r} is a Lightning checkpoint, which load_model() does not read: take "
            "load_from_lightning_checkpoint(), then save_model()"
        )
    missing = "model_config" if "model_config" not in content else "model_state_dict"
    return f"Checkpoint does not contain {missing!r}: {str(path)!r}; {_way(content)}"


def _built(path: StrPath, config: Mapping[str, Any]) -> AudioVAE:
    known = {name: config[name] for name in CONFIG if name in config}
    try:
        return AudioVAE(**known)
    except (ValueError, TypeError, RuntimeError) as problem:
        raise BadInput(f"the model_config in {str(path)!r} cannot be used: {problem}") from problem


def _filled(path: StrPath, model: AudioVAE, weights: Mapping[str, Tensor], strict: bool) -> None:
    ours = model.state_dict()
    lost = [name for name in ours if name not in weights]
    strange = [name for name in weights if name not in ours]
    unlike = [name for name in ours if name in weights and weights[name].shape != ours[name].shape]
    if strict and (lost or strange or unlike):
        told = [
            f"{what} {', '.join(names[:3])}"
            for what, names in (("missing", lost), ("unknown", strange), ("of another shape", unlike))
            if names
        ]
        raise BadInput(
            f"the weights in {str(path)!r} do not fit: {'; '.join(told)}; strict=False takes those that do"
        )
    fitting = {name: value for name, value in weights.items() if name in ours and name not in unlike}
    model.load_state_dict(fitting, strict=False)


def _finished(model: AudioVAE, content: Mapping[str, Any], map_location: str | None) -> AudioVAE:
    for name, value in (content.get("latent_statistics") or {}).items():
        if name in model.latent_statistics:
            model.latent_statistics[name].copy_(value)
    if content.get("encoder_frozen"):
        model.freeze_encoder()
    model.eval()
    return model.to(map_location or "cpu")
