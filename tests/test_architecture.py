"""The house keeps its shape: imports go one way, files stay one idea long, the core needs only the core."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = [
    {"files", "script", "geometry"},
    {"results", "engines"},
    {"transition"},
    {"data", "models", "fusion", "objectives", "probes", "testing"},
    {"hub"},
    {"worlds", "training", "extraction"},
    {"evaluation"},
    {"report"},
]
MODULES = sorted((ROOT / "smcrep").rglob("*.py"))
LONG_FOR_A_REASON: dict[str, str] = {}


def room(module: str) -> str:
    """smcrep.worlds.rendering.sensors -> worlds; smcrep -> ''."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def layer(name: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if name in names)


def imports(path: Path) -> set[str]:
    """Modules of smcrep that a file imports, wherever in the file the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("smcrep.")} - {"smcrep.__version__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    own = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
    if own in ("", "__init__"):
        return  # the package's front door re-exports from every room
    for name in imports(path):
        other = room(name)
        assert other == own or layer(other) < layer(own), f"{path.name} ({own}) imports {name}"


def test_rooms_beside_each_other_never_import_each_other() -> None:
    edges = {
        (room(".".join(p.relative_to(ROOT).with_suffix("").parts)), room(name)) for p in MODULES for name in imports(p)
    }
    mutual = {(a, b) for a, b in edges if a != b and (b, a) in edges}
    assert not mutual


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_is_one_idea_long(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= 300 or path.name in LONG_FOR_A_REASON, f"{path.name} has {lines} lines"
    assert path.stem not in {"utils", "common", "helpers", "base", "misc", "manager"}


def test_experiments_never_import_each_other() -> None:
    """Except what is no script: the module that the scripts of one folder share."""
    paths = sorted((ROOT / "experiments").rglob("*.py"))
    scripts = {p.stem for p in paths}
    for path in paths:
        beside = {p.stem for p in path.parent.glob("*.py") if "if __name__ ==" not in p.read_text()}
        shared = beside if path.parent != ROOT / "experiments" else set()
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {n.split(".")[0] for n in names} & ((scripts | {"experiments", "tests"}) - shared), path


def test_core_import_needs_only_the_core() -> None:
    heavy = "mujoco open3d faiss datasets sklearn lightning_fabric tyro trimesh gymnasium matplotlib ray transformers"
    code = f"import sys, smcrep; print([m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_hugging_face_datasets_is_not_shadowed() -> None:
    assert not (ROOT / "datasets" / "__init__.py").exists()
    code = "import datasets; print(hasattr(datasets, 'Dataset'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "True"
