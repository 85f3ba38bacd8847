"""Files of the distributions without LeRobot: their modules import it, so the pure ones are loaded from their paths."""

import importlib.util
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parents[2] / "distributions"
NAMES = ("lerobot_policy_smcrep", "lerobot_env_smcrep")


def package(name: str) -> Path:
    return FOLDER / name / name


def module(distribution: str, name: str) -> ModuleType:
    """A module that imports nothing of LeRobot."""
    spec = importlib.util.spec_from_file_location(f"{distribution}_{name}", package(distribution) / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found
