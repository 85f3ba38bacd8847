"""The layout holds: imports go one way, files stay short, the core needs only the core, senses are spelled once."""

import ast
import itertools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = [
    {"files", "plugins", "geometry", "progress", "records", "definitions"},
    {"results", "engines", "script"},
    {"transition", "encoders", "provenance", "sweep"},
    {"senses"},
    {"data", "models", "fusion", "objectives", "probes", "corruptions"},
    {"hub", "testing"},
    {"worlds", "training", "extraction"},
    {"evaluation", "pretraining", "zoo"},
    {"report"},
    {"vla"},
]
MODULES = sorted((ROOT / "smcrep").rglob("*.py"))
LONG_FOR_A_REASON: dict[str, str] = {}


def package(module: str) -> str:
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
    own = package(".".join(path.relative_to(ROOT).with_suffix("").parts))
    if own in ("", "__init__"):
        return  # re-exports from every package
    for name in imports(path):
        other = package(name)
        assert other == own or layer(other) < layer(own), f"{path.name} ({own}) imports {name}"


def test_packages_of_one_layer_never_import_each_other() -> None:
    edges = {
        (package(".".join(p.relative_to(ROOT).with_suffix("").parts)), package(name))
        for p in MODULES
        for name in imports(p)
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


SENSES = {"rgb", "points", "depth", "mask"}
SPELL_SENSES = ("senses/", "worlds/rendering/", "worlds/objects/", "worlds/gym.py", "data/readers/")
"""The senses themselves, and what the simulator and the readers give out."""


def test_senses_are_spelled_in_their_records_alone() -> None:
    found = []
    for path in MODULES:
        name = path.relative_to(ROOT / "smcrep").as_posix()
        if name.startswith(SPELL_SENSES):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            text = node.value if isinstance(node, ast.Constant) else node.arg if isinstance(node, ast.keyword) else ""
            if text in SENSES:
                found.append(f"{name}:{node.lineno} {text!r}")  # type: ignore[attr-defined]
    assert not found


def test_median_file_is_short() -> None:
    lengths = sorted(len(path.read_text().splitlines()) for path in MODULES)
    assert lengths[len(lengths) // 2] <= 120


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_docstring_stands_under_one_name(path: Path) -> None:
    """Under several set at once the documentation finds none of them."""
    body = ast.parse(path.read_text()).body
    for node, following in itertools.pairwise(body):
        documented = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
        if documented and isinstance(node, ast.Assign):
            assert isinstance(node.targets[0], ast.Name), f"{path.name}:{node.lineno} sets several names"
