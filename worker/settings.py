"""Settings of a worker, from the environment (``NASHBOARD_WORKER_…``), beside those of the server."""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.settings import LOOPBACK, BadSettings, get_settings


class WorkerSettings(BaseSettings):
    """What differs from worker to worker.

    ``host`` names the disk that holds the checkpoints, not the machine: workers that share one folder of runs
    share one name. ``devices`` are those to use instead of what is found (``cuda:0,cuda:1`` or ``cpu``);
    ``auto``: whether runs that name no device are taken. A wish to stop has ``receipt_s`` to reach a trainer
    by way of its server; then comes SIGTERM, and SIGKILL after ``grace_s``. ``trainer_command`` stands
    in for ``python -m trainers`` in tests.
    """

    model_config = SettingsConfigDict(env_prefix="NASHBOARD_WORKER_", frozen=True, extra="ignore")

    host: str = Field("", max_length=80, pattern=r"^[A-Za-z0-9._-]*$")
    url: str = ""
    devices: Annotated[list[str], NoDecode] = []
    auto: bool = True
    cores: int = Field(0, ge=0, le=4096)
    receipt_s: float = Field(3.0, ge=0)
    grace_s: float = Field(60.0, gt=0)
    lease_s: float = Field(30.0, gt=0)
    poll_s: float = Field(0.5, gt=0)
    sweep_s: float = Field(5.0, gt=0)
    wait_s: float = Field(1.0, ge=0)
    starts: int = Field(3, ge=1)
    trainer_command: list[str] = []

    @field_validator("devices", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [p.strip() for p in value.split(",") if p.strip()] if isinstance(value, str) else value

    @property
    def server(self) -> str:
        """Where trainers send their events."""
        if self.url:
            return self.url
        if told := os.environ.get("NASHBOARD_URL"):
            return told
        own = get_settings()
        name = own.host if own.host in LOOPBACK or own.host.startswith("127.") else "127.0.0.1"
        return f"http://{f'[{name}]' if ':' in name else name}:{own.port}"


@lru_cache(maxsize=1)
def worker_settings() -> WorkerSettings:
    """The settings of this process, read once; raises `BadSettings` for a value that cannot be."""
    try:
        found = WorkerSettings()  # type: ignore[call-arg]
    except ValidationError as problem:
        first = problem.errors()[0]
        name = f"NASHBOARD_WORKER_{str(first['loc'][0] if first['loc'] else '?').upper()}"
        raise BadSettings(f"{name}={first.get('input')!r:.80}: {first['msg']}") from None
    if not found.host:
        name = (
            "".join(c if c.isalnum() or c in "._-" else "-" for c in socket.gethostname())[:80] or "localhost"
        )
        found = found.model_copy(update={"host": name})
    return found
