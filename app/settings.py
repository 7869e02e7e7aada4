"""The settings of the server and the worker, from the environment (``NASHBOARD_…``).

``DATABASE_URL`` and ``REDIS_URL``, as hosting services give them, are understood as well.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.posting import check

SECRET = ("NASHBOARD_TOKEN", "NASHBOARD_WEBHOOK_SECRET")
WEBHOOK_EVENTS = ("run.ended", "doctor.fail")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its own name or address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class BadSettings(ValueError):
    """A setting that cannot be; the message is one line that names it and the way out."""


class Settings(BaseSettings):
    """Everything that can be set from outside. ``prepared`` makes the folders."""

    model_config = SettingsConfigDict(env_prefix="NASHBOARD_", frozen=True, extra="ignore")

    home: Path = Path(".nashboard")
    database_url: str = ""
    redis_url: str = ""
    token: str = ""
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    allowed_hosts: Annotated[list[str], NoDecode] = []
    data_roots: Annotated[list[Path], NoDecode] = []
    runs_dir: Path = Path()
    max_batch_bytes: int = Field(8 * 1024 * 1024, ge=1024)
    max_blob_bytes: int = Field(64 * 1024 * 1024, ge=1024)
    max_bundle_bytes: int = Field(4 * 1024**3, ge=1024)
    max_json_bytes: int = Field(1024 * 1024, ge=1024)
    lost_after_s: float = Field(45.0, gt=0)
    sweep_every_s: float = Field(5.0, gt=0)
    webhook: str = ""
    webhook_secret: str = ""
    webhook_events: Annotated[list[str], NoDecode] = list(WEBHOOK_EVENTS)
    webhook_link_local: bool = False

    @field_validator("token")
    @classmethod
    def _sendable(cls, value: str) -> str:
        value = value.strip()
        if not value.isascii() or not value.isprintable() or " " in value:
            raise ValueError(
                "a token has no blank in it and only printable ASCII, as senders put it in a header"
            )
        return value

    @field_validator("webhook")
    @classmethod
    def _postable(cls, value: str) -> str:
        return check(value.strip()) if value.strip() else ""

    @field_validator("webhook_events", mode="before")
    @classmethod
    def _known_events(cls, value: Any) -> Any:
        found = [e.strip() for e in value.split(",") if e.strip()] if isinstance(value, str) else value
        for event in found:
            if event not in WEBHOOK_EVENTS:
                raise ValueError(f"{event!r:.40} is no event; there are {', '.join(WEBHOOK_EVENTS)}")
        return found

    @field_validator("data_roots", mode="before")
    @classmethod
    def _split_paths(cls, value: Any) -> Any:
        return [p for p in value.split(os.pathsep) if p] if isinstance(value, str) else value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_names(cls, value: Any) -> Any:
        return [p.strip() for p in value.split(",") if p.strip()] if isinstance(value, str) else value

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: dict[str, Any]) -> dict[str, Any]:
        home = Path(data.get("home") or ".nashboard").expanduser().absolute()
        filled = {**data, "home": home}
        for name in ("database_url", "redis_url"):
            filled[name] = filled.get(name) or os.environ.get(name.upper(), "")
        if not filled.get("runs_dir"):
            filled["runs_dir"] = home / "runs"
        return filled

    @model_validator(mode="after")
    def _absolute(self) -> Settings:
        # frozen: the validators above saw strings, here are the final types
        object.__setattr__(self, "runs_dir", self.runs_dir.expanduser().absolute())
        object.__setattr__(self, "data_roots", [p.expanduser().absolute() for p in self.data_roots])
        url = self.database_url or f"sqlite:///{self.home / 'nashboard.db'}"
        for short in ("postgres://", "postgresql://"):
            if url.startswith(short):
                url = "postgresql+psycopg://" + url.removeprefix(short)
        object.__setattr__(self, "database_url", url)
        return self

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    def prepared(self) -> Settings:
        """Itself, after the folders are made and found writable; raises `BadSettings`."""
        for folder in (self.home, self.runs_dir):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as problem:
                raise BadSettings(
                    f"cannot make the data directory {folder}: {problem.strerror}; "
                    "choose another with NASHBOARD_HOME"
                ) from None
            if not os.access(folder, os.W_OK | os.X_OK):
                raise BadSettings(
                    f"cannot write to the data directory {folder}: permission denied; "
                    "choose another with NASHBOARD_HOME"
                )
        return self


_current: Settings | None = None


def get_settings() -> Settings:
    """The settings of this process, read once; raises `BadSettings` for a value that cannot be."""
    global _current
    if _current is None:
        _current = load()
    return _current


def use(settings: Settings | None) -> None:
    """Make ``settings`` those of this process; None: read the environment again at the next call."""
    global _current
    _current = settings


def load(**given: Any) -> Settings:
    """Settings from the environment, with ``given`` over them; raises `BadSettings`."""
    try:
        return Settings(**given)
    except ValidationError as problem:
        first = problem.errors()[0]
        name = "NASHBOARD_" + str(first["loc"][0] if first["loc"] else "?").upper().removeprefix("NASHBOARD_")
        shown = "…" if name in SECRET else repr(first.get("input"))[:80]
        raise BadSettings(f"{name}={shown}: {first['msg'].removeprefix('Value error, ')}") from None
