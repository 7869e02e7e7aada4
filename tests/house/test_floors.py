"""Who may import whom (docs/decisions/0001): an AST walk that counts imports inside functions too."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = (
    "nashboard",
    "recipes",
    "doctor",
    "trainers",
    "app",
    "worker",
    "migrations",
    "bench",
    "tools",
    "tests",
)
MAY = {
    "nashboard": set(),
    "recipes": {"nashboard"},
    "doctor": {"nashboard"},
    "trainers": {"nashboard", "recipes"},
    "app": {"nashboard", "recipes", "doctor"},
    "worker": {"nashboard", "recipes", "doctor", "app"},
    "migrations": {"app"},
}
NEVER = {
    "nashboard": {"numpy", "torch", "pydantic", "hydra", "yaml", "fastapi", "sqlalchemy", "celery"},
    "recipes": {"torch", "numpy", "sqlalchemy", "fastapi", "celery"},
    "doctor": {"torch", "sqlalchemy", "pydantic", "fastapi", "celery", "scipy", "pandas"},
    "trainers": {"sqlalchemy", "fastapi", "celery"},
    "app": {"torch", "lightning", "lightning_fabric"},
    "worker": {"torch", "lightning", "lightning_fabric"},
}
ONLY = {"worker": ("app.pages", "app.api", "app.charts", "app.main"), "migrations": ()}
TEACH = "The floors are in ARCHITECTURE.md: move the code down a floor, or pass the value in."


def imports(path: Path) -> list[tuple[int, str]]:
    """(line, dotted module) of every import in a file, wherever it stands."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                package = ".".join(path.relative_to(ROOT).parts[: -node.level])
                found.append((node.lineno, f"{package}.{node.module or ''}".rstrip(".")))
            else:
                found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", MAY)
def test_a_floor_imports_only_what_it_may(folder: str) -> None:
    wrong = []
    for path in files(folder):
        for line, name in imports(path):
            top = name.split(".", 1)[0]
            forbidden = top in OURS and top != folder and top not in MAY[folder]
            if forbidden or top in NEVER.get(folder, set()):
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
            if any(f"{name}.".startswith(f"{sealed}.") for sealed in ONLY.get(folder, ())):
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}, a page or an endpoint")
    assert not wrong, "\n".join([*wrong, TEACH])


def test_the_walk_sees_imports_inside_functions(tmp_path: Path) -> None:
    path = ROOT / "app" / "models.py"
    assert (9, "__future__.annotations") not in imports(path)
    probe = tmp_path / "probe.py"
    probe.write_text("def f():\n    import torch.nn\n    from app import db\n")
    assert imports(probe) == [(2, "torch.nn"), (3, "app.db")]


LOADED = (
    "import sys, json; import {module}; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
)


def loaded_by(module: str) -> set[str]:
    """Top-level modules in a fresh interpreter after importing ``module``."""
    import json

    out = subprocess.run(
        [sys.executable, "-c", LOADED.format(module=module)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(out.stdout.splitlines()[-1]))


@pytest.mark.parametrize("module", ["app.main", "worker.app", "worker.launcher"])
def test_torch_is_never_loaded_by_server_and_worker(module: str) -> None:
    assert not loaded_by(module) & {"torch", "lightning", "lightning_fabric", "trainers"}


def test_the_sdk_loads_the_standard_library_alone() -> None:
    known = set(sys.stdlib_module_names) | {"nashboard", "__main__"}
    bare = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, json; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    import json

    start = set(json.loads(bare.stdout))
    assert loaded_by("nashboard") - known - start == set()
