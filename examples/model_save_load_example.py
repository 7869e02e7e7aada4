"""Saves an AudioVAE with its training state, loads it back, and converts a Lightning checkpoint:
`python examples/model_save_load_example.py [FOLDER]`."""

import sys
import tempfile
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # the trainers are run from the repository

from trainers.vae.lightning_module import VAELightningModule
from trainers.vae.model import AudioVAE
from trainers.vae.persist import (
    load_from_lightning_checkpoint,
    load_model,
    load_training_state,
    save_model,
)


def heard(model: AudioVAE, wave: torch.Tensor) -> torch.Tensor:
    """What the model makes of a wave ``[1, 2, T]``."""
    with torch.no_grad():
        recon, _z, _mean, _logvar = model(wave)
    return recon


def main(folder: Path) -> None:
    # 1. Save and load: no parameter has to be named again.
    model = AudioVAE(base_channels=8, channel_mults=[1, 2], strides=[4, 8], latent_dim=8).eval()
    save_model(model, folder / "my_model.pt")
    wave = torch.randn(1, 2, 4000) * 0.1
    assert torch.equal(heard(load_model(folder / "my_model.pt"), wave), heard(model, wave))
    print("saved and loaded:", load_model(folder / "my_model.pt").config)

    # 2. With optimiser, scheduler and notes, to train on later.
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10_000)
    model.train()(wave).recon.square().mean().backward()
    optimizer.step()
    scheduler.step()
    save_model(
        model,
        folder / "checkpoints" / "epoch_50.pt",
        optimizer_state=optimizer.state_dict(),
        scheduler_state=scheduler.state_dict(),
        epoch=50,
        global_step=25_000,
        metadata={"notes": "one step of many"},
    )
    model = load_model(folder / "checkpoints" / "epoch_50.pt")
    optimizer = torch.optim.AdamW(model.parameters())
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10_000)
    state = load_training_state(folder / "checkpoints" / "epoch_50.pt", optimizer, scheduler)
    print(f"goes on from epoch {state['epoch']}, step {state['global_step']}: {state['metadata']['notes']}")

    # 3. A Lightning checkpoint becomes a file that needs no Lightning.
    import lightning.pytorch as lightning

    module = VAELightningModule(model, use_adversarial=False)
    trainer = lightning.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    trainer.strategy.connect(module)
    trainer.save_checkpoint(folder / "epoch=99.ckpt", weights_only=False)
    converted = load_from_lightning_checkpoint(folder / "epoch=99.ckpt")
    save_model(converted, folder / "standalone_model.pt")
    assert torch.equal(heard(load_model(folder / "standalone_model.pt"), wave), heard(model, wave))
    print("converted from Lightning")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(Path(place))
