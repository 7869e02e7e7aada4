"""Seeds, and the state of all random number generators as tensors and plain numbers."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

from trainers.kit import processes


def seed_all(seed: int) -> None:
    """Seeds Python's, numpy's and torch's global generators (torch's on every device)."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def seed_training(seed: int) -> None:
    """Seeds the stream that training draws from, in each of several processes another one (dropout, noise)."""
    seed_all(seed + 1_000_003 * processes.current().rank)


def rng_state() -> dict[str, Any]:
    """Where all global generators stand; `set_rng_state` puts them back there.

    The first of several processes has the others' beside its own, so all must ask at the same time.
    """
    own = _rng_state()
    others = processes.current().collect(own)[1:]
    return {**own, "others": others} if others else own


def _rng_state() -> dict[str, Any]:
    version, ints, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()
    return {
        "python": {"version": version, "ints": torch.tensor(ints, dtype=torch.int64), "gauss": gauss},
        "numpy": {
            "name": str(name),
            "keys": torch.from_numpy(np.asarray(keys, dtype=np.int64)),
            "position": int(position),
            "has_gauss": int(has_gauss),
            "cached": float(cached),
        },
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }


def set_rng_state(state: dict[str, Any]) -> None:
    """Puts the generators where `rng_state` found them; a GPU that is not there any more is passed over.

    A process that was not there then begins a stream of its own.
    """
    rank, others = processes.current().rank, state.get("others", [])
    _set_rng_state(others[rank - 1] if 0 < rank <= len(others) else state)
    if rank > len(others):
        seed_training(torch.initial_seed() % 2**31)


def _set_rng_state(state: dict[str, Any]) -> None:
    python, legacy = state["python"], state["numpy"]
    random.setstate((python["version"], tuple(python["ints"].tolist()), python["gauss"]))
    keys = legacy["keys"].numpy().astype(np.uint32)
    np.random.set_state((legacy["name"], keys, legacy["position"], legacy["has_gauss"], legacy["cached"]))
    torch.set_rng_state(state["torch"].cpu())
    for device, its in enumerate(state["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(its.cpu(), device)
