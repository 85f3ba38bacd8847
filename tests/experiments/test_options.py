"""One name a flag in every script, and a sentence for every option."""

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(p for p in (ROOT / "experiments").rglob("*.py") if "add_argument(" in p.read_text())
RENAMED = {"--control": "--baseline", "--jobs": "--processes", "--workers": "--processes", "--root": "--data-root"}
PATHS = ("--out", "--data-root")


def options(path: Path) -> list[tuple[str, dict[str, ast.expr]]]:
    """Name and keywords of every call of ``add_argument``."""
    calls = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument"
    ]
    return [(ast.literal_eval(call.args[0]), {k.arg: k.value for k in call.keywords if k.arg}) for call in calls]


def source(node: ast.expr | None) -> str:
    return ast.unparse(node) if node else ""


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_option_has_a_sentence(path: Path) -> None:
    assert not [name for name, keywords in options(path) if not source(keywords.get("help"))]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_one_name_a_flag(path: Path) -> None:
    for name, keywords in options(path):
        assert name not in RENAMED, f"{path.name}: call {name} {RENAMED[name]}"
        if name == "--seeds":
            assert (source(keywords["type"]), source(keywords["nargs"])) == ("script.at_least(0)", "'+'")
        if name in PATHS:
            assert source(keywords["type"]) == "Path"
        if name == "--processes":
            assert source(keywords["type"]) == "script.at_least(1)"


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_script_hides_a_package(path: Path) -> None:
    """The folder of a script comes first where modules are looked for, also by libraries: a coverage.py ends numba."""
    assert importlib.util.find_spec(path.stem) is None
