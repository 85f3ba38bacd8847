"""The planner's turn leads to the goal in the camera's frame; records and the picture are of what the cells say."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from smcrep.evaluation.turn_to_match import TurnToMatch
from smcrep.geometry.rotations import rotation_grid
from smcrep.results import read_claims, write_json
from smcrep.worlds.objects.families import procedural
from tests.evaluation.worlds import TrueTurns
from tests.experiments.scripts import script

tabletop: Any = script("tabletop")


def told(task: TurnToMatch) -> np.ndarray:
    """Two numbers that stay, then a frame of three vectors fixed to the object; of now, then of the goal."""
    frames = task.orientations().swapaxes(2, 3).reshape(len(task), 2, 9)
    return np.concatenate([np.ones((len(task), 2, 2)), frames], 2).reshape(len(task), -1)


def test_the_planned_turn_is_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    task = TurnToMatch([procedural("mug", 3)], ["studio"], 4, 0, image_size=32, num_points=64)
    model: Any = TrueTurns()
    model.config = SimpleNamespace(invariant_dim=2)
    actions = tabletop.planner(model, 0)(task, told(task))
    left = task.left() / np.radians(tabletop.MAX_DEG)
    whole = left / np.maximum(1, np.linalg.norm(left, axis=1, keepdims=True))
    between = Rotation.from_rotvec(actions) * Rotation.from_rotvec(whole).inv()
    assert np.degrees(between.magnitude()).max() < 10
    assert np.linalg.norm(actions, axis=1).max() <= 1 + 1e-6


def test_the_nearest_turn_of_a_cloud_is_the_true_one_and_strays_do_not_move_it() -> None:
    cloud = torch.randn(96, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 0.5, 0.2])
    true = Rotation.from_rotvec([0.5, -1.0, 0.3])
    goal = cloud @ torch.from_numpy(true.as_matrix()).float().T
    goal[:10] = 3 * torch.randn(10, 3, generator=torch.Generator().manual_seed(1))
    grid = torch.from_numpy(rotation_grid(1024)).float()
    found = tabletop.nearest_turn(cloud, goal[torch.randperm(96)], grid, torch.Generator().manual_seed(2))
    assert np.degrees((Rotation.from_matrix(found.numpy()) * true.inv()).magnitude()) < 6


def test_a_demonstration_turns_to_the_goal_and_tells_both() -> None:
    task = TurnToMatch([procedural("mug", 3)], ["studio"], 4, 0, image_size=32, num_points=64)
    first = task.left() / np.radians(tabletop.MAX_DEG)
    seen, actions = tabletop.demonstrated(task, {"truth": tabletop.look("truth", None)}, 0)
    assert seen["truth"].shape == (24, 18)
    now, goal = seen["truth"].reshape(24, 2, 3, 3).swapaxes(0, 1)
    left = Rotation.from_matrix(goal @ now.swapaxes(1, 2)).as_rotvec() / np.radians(tabletop.MAX_DEG)
    np.testing.assert_allclose(actions, left / np.maximum(1, np.linalg.norm(left, axis=1, keepdims=True)), atol=1e-6)
    np.testing.assert_allclose(actions[:4], first / np.maximum(1, np.linalg.norm(first, axis=1, keepdims=True)))
    assert task.matches().mean() >= 0.5


def test_a_condition_harms_its_sense_alone() -> None:
    seen = {
        "rgb": np.full((2, 8, 8, 3), 200, np.uint8),
        "points": np.random.default_rng(0).normal(size=(2, 16, 3)).astype(np.float32),
    }
    for condition, (sense, kind) in tabletop.FAULTS.items():
        found = tabletop.harmed(seen, condition, torch.Generator().manual_seed(0))
        other = "points" if sense == "rgb" else "rgb"
        assert np.array_equal(found[other], seen[other])
        assert (sense not in found) if kind == "absent" else not np.array_equal(found[sense], seen[sense])
    assert tabletop.harmed(seen, "new_environments", torch.Generator()) is seen


def test_success_is_a_mean_of_each_objects_episodes() -> None:
    success = np.array([True, False, True, True, False, False])
    assert tabletop.by_object(success, np.array([1, 1, 0, 0, 2, 2])) == [1.0, 0.5, 0.0]


def planted(out: Path, success: dict[str, float]) -> None:
    """Cells of two seeds and three objects, of which the first is easy by .1 and the last hard by .1."""
    for name, value in success.items():
        for seed in (0, 1):
            own = {c: [value + 0.1, value, value - 0.1] for c in tabletop.CONDITIONS}
            if name == "ours":
                own["dark"] = [0.2, 0.2, 0.2]
            about = {"commit": "0" * 12, "minutes": 1.0, "machine": "m", "command": "c"}
            cell = {"variant": name, "seed": seed, "episodes": 9, "success": own, **about}
            write_json(out / f"cells/{name}-{seed}.json", cell)


def test_records_say_what_the_cells_say(tmp_path: Path) -> None:
    success = {"truth": 0.9, "ours": 0.6, "ours_rgb": 0.3, "ours_points": 0.5, "simclr": 0.4, "untrained": 0.2}
    planted(tmp_path, success)
    tabletop.report(tmp_path)
    claims = read_claims(tmp_path / "claims/vla.json")
    assert {n: claims[f"tabletop.{n}"].value for n in success} == pytest.approx(success)
    assert claims["tabletop.ours"].controls["dark"] == pytest.approx(0.2)
    assert claims["tabletop.ours"].controls["episodes"] == 18
    assert claims["tabletop.gap_closed"].value == pytest.approx(4 / 7)
    assert claims["tabletop.ours_minus_simclr"].value == pytest.approx(0.2)
    under = claims["tabletop.under_failure"]
    assert (under.value, under.controls["condition"]) == (pytest.approx(-0.3), "dark")
    assert under.controls["jitter"] == pytest.approx(0.1)
    assert under.seeds == 2
    assert (tmp_path / "figures/tabletop.png").stat().st_size > 10_000
