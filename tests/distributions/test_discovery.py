"""LeRobot finds plug-ins, policies and processors by their names alone: a wrong one is passed over in silence."""

import ast
import tomllib
from pathlib import Path

import pytest

from tests.distributions.files import FOLDER, NAMES, package

PREFIXES = ("lerobot_policy_", "lerobot_env_")
TRAINING = {"datasets", "lightning-fabric", "lightly", "faiss-cpu", "open3d", "tyro"}


def project(name: str) -> dict:
    return tomllib.loads((FOLDER / name / "pyproject.toml").read_text())["project"]


def classes(path: Path) -> dict[str, list[str]]:
    """Name of a class -> the names it is registered under."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            calls = [d for d in node.decorator_list if isinstance(d, ast.Call)]
            found[node.name] = [
                arg.value
                for call in calls
                for arg in (*call.args, *(k.value for k in call.keywords))
                if isinstance(arg, ast.Constant)
            ]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_distribution_is_called_as_its_module(name: str) -> None:
    """LeRobot imports the name that the metadata give: one with hyphens is never found."""
    assert project(name)["name"] == name
    assert name.startswith(PREFIXES)
    assert (package(name) / "__init__.py").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_it_has_our_licence_and_none_of_our_training(name: str) -> None:
    found = project(name)
    assert found["license"] == "MIT"
    needed = {text.split(">")[0].split("=")[0].split("[")[0] for text in found["dependencies"]}
    assert not needed & TRAINING
    assert not any("smcrep[" in text for text in found["dependencies"])


@pytest.mark.parametrize("kind", ["act", "diffusion"])
def test_a_policy_type_is_named_as_lerobot_looks_for_it(kind: str) -> None:
    """configuration_X: <Name>Config -> modeling_X: <Name>Policy, processor_X: make_<type>_pre_post_processors."""
    folder = package("lerobot_policy_smcrep")
    ((config, (policy_type,)),) = classes(folder / f"configuration_{kind}.py").items()
    assert config.endswith("Config")
    assert list(classes(folder / f"modeling_{kind}.py")) == [config.removesuffix("Config") + "Policy"]
    functions = [n.name for n in ast.parse((folder / f"processor_{kind}.py").read_text()).body if hasattr(n, "name")]
    assert functions == [f"make_{policy_type}_pre_post_processors"]


def test_the_step_is_registered_when_the_plugin_is_imported() -> None:
    folder = package("lerobot_policy_smcrep")
    assert classes(folder / "embed_step.py")["EmbedStep"] == ["smcrep_embed"]
    text = (folder / "__init__.py").read_text()
    for name in ("embed_step", "configuration_act", "configuration_diffusion"):
        assert f"lerobot_policy_smcrep.{name}" in text


def test_importing_the_environments_needs_no_simulator() -> None:
    """`lerobot-train` imports every plug-in: Meta-World waits until an environment is made."""
    for name in ("__init__", "configuration"):
        tree = ast.parse((package("lerobot_env_smcrep") / f"{name}.py").read_text())
        at_top = {n.module for n in tree.body if isinstance(n, ast.ImportFrom)}
        assert not at_top & {"lerobot_env_smcrep.metaworld_env", "lerobot_env_smcrep.camera", "metaworld", "mujoco"}
