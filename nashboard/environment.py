"""What a run records of the place where it runs: cheap to find out, and never a secret."""

from __future__ import annotations

import os
import platform
import re
import socket
import subprocess
import sys
from collections.abc import Collection, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

_SECRET_NAME = re.compile(
    r"(^|[-_.])(token|secret|password|passwd|passphrase|(api|access|private)[-_]?key|credentials?)$",
    re.IGNORECASE,
)
_USER_IN_URL = re.compile(r"(?<=://)[^/\s@]+@")
HIDDEN = "[hidden]"


def facts(run_dir: str | os.PathLike[str]) -> dict[str, Any]:
    """Python, platform, host, folder, process, git state and GPUs. Of the environment variables only
    CUDA_VISIBLE_DEVICES and OMP_NUM_THREADS are kept."""
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "hostname": socket.gethostname(),
        "cpus": os.cpu_count() or 0,
        "pid": os.getpid(),
        "run_dir": os.path.abspath(run_dir),
    }
    for name in ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"):
        if name in os.environ:
            found[name.lower()] = os.environ[name]
    found.update(git(_script_folder()))
    found.update(_torch())
    gpus = _gpus()
    if gpus:
        found["gpus"] = gpus
    return found


def _script_folder() -> str:
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.dirname(os.path.abspath(script)) if script else os.getcwd()


def git(folder: str) -> dict[str, Any]:
    """{"git_commit", "git_dirty"} of the work tree that holds ``folder``; {} where git knows of none."""
    command = ["git", "--no-optional-locks", "-C", folder, "status", "--porcelain=v2", "--branch", "-uno"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.SubprocessError):
        return {}
    if done.returncode:
        return {}
    lines = done.stdout.splitlines()
    commit = next((ln.split()[-1] for ln in lines if ln.startswith("# branch.oid ")), "")
    if not re.fullmatch(r"[0-9a-f]{40,64}", commit):  # a repository without a commit says "(initial)"
        return {}
    return {"git_commit": commit, "git_dirty": any(not ln.startswith("#") for ln in lines)}


def _torch() -> dict[str, Any]:
    """Versions of torch and CUDA if torch is loaded; it is never imported for it."""
    torch = sys.modules.get("torch")
    version = getattr(torch, "__version__", None)
    if version is None:
        return {}
    cuda = getattr(getattr(torch, "version", None), "cuda", None)
    return {"torch": str(version)} | ({"cuda": str(cuda)} if cuda else {})


def _gpus() -> list[str]:
    """Names of NVIDIA GPUs, from the driver's files or from a torch that has CUDA running already."""
    names = []
    for info in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        try:
            text = info.read_text(errors="replace")
        except OSError:
            continue
        names += [ln.split(":", 1)[1].strip() for ln in text.splitlines() if ln.startswith("Model:")]
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if not names and cuda is not None:
        try:
            if cuda.is_initialized():
                names = [str(cuda.get_device_name(i)) for i in range(cuda.device_count())]
        except (AttributeError, RuntimeError, AssertionError):
            return []
    return names


def command(token: str | None = None) -> list[str]:
    """The command line of this process, without tokens, passwords and user names in addresses."""
    known = {t for t in (token, os.environ.get("NASHBOARD_TOKEN")) if t}
    return redacted(list(getattr(sys, "orig_argv", sys.argv)), known)


def redacted(arguments: list[str], known: Collection[str] = ()) -> list[str]:
    """``arguments`` with the values of options named like secrets, and the ``known`` ones, hidden."""
    out, hide_next = [], False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        secret = _SECRET_NAME.search(name) is not None and " " not in name and "/" not in name
        if hide_next or any(k in argument for k in known):
            out.append(HIDDEN if not equals or hide_next else f"{name}={HIDDEN}")
        elif secret and equals:
            out.append(f"{name}={HIDDEN}")
        else:
            out.append(_USER_IN_URL.sub("", argument))
        hide_next = secret and not equals and argument.startswith("-") and not hide_next
    return out


def plain(value: Any) -> Any:
    """``value`` as what JSON can hold: dicts, lists, text, numbers; anything else by its text."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    for method in ("model_dump", "tolist", "_asdict"):  # pydantic models; arrays and tensors; named tuples
        turn = getattr(value, method, None)
        if callable(turn) and not isinstance(value, type):
            return plain(turn())
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is not None and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in fields}
    if hasattr(value, "__dict__") and type(value).__name__ == "Namespace":
        return plain(vars(value))
    return str(value)
