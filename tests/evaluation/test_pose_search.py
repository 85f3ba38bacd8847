"""The turn is found where the latent truly turns, and is not invented where it does not."""

from dataclasses import replace

import numpy as np
import torch

from smcrep.evaluation.pose_search import pose_search
from smcrep.geometry.action import Action, apply
from smcrep.geometry.rotations import geodesic_degrees
from tests.evaluation.worlds import NUM_STATES, Blind, TrueTurns, turned


def errors(found: object, encoded: object) -> torch.Tensor:
    true = encoded.pose[:, 1, :3, :3] @ encoded.pose[:, 0, :3, :3].mT  # type: ignore[attr-defined]
    return geodesic_degrees(torch.as_tensor(found).float(), true)


def test_a_true_turn_is_found_to_a_few_degrees_from_a_coarse_grid() -> None:
    encoded = turned()
    found = pose_search(TrueTurns(), encoded, ["a"], num_rotations=576)  # type: ignore[arg-type]
    assert errors(found, encoded).max() < 6
    assert errors(found, encoded).median() < 3


def test_action_blind_model_finds_no_turn() -> None:
    encoded = turned()
    found = pose_search(Blind(), encoded, ["a"], num_rotations=576)  # type: ignore[arg-type]
    assert found.shape == (NUM_STATES, 3, 3)
    assert errors(found, encoded).median() > 20


def test_two_sources_find_the_turn_that_neither_finds_alone() -> None:
    """Each knows one vector: a turn about it is invisible to that one, and no turn is invisible to both."""
    encoded = turned()
    z = encoded.latent["a"]
    vectors = {name: torch.cat([z[..., :8], z[..., start : start + 3]], -1) for name, start in (("u", 8), ("v", 11))}
    encoded = replace(encoded, latent=vectors)
    found = [pose_search(TrueTurns(), encoded, names, num_rotations=576) for names in (["u"], ["v"], ["u", "v"])]  # type: ignore[arg-type]
    alone, other, both = (float(errors(each, encoded).median()) for each in found)
    assert min(alone, other) > 20
    assert both < 3


class Asked(TrueTurns):
    """Keeps the motions that it is asked for."""

    def __init__(self) -> None:
        self.motions: list[torch.Tensor] = []

    def condition(self, action: Action, physics: torch.Tensor | None = None) -> torch.Tensor:
        self.motions.append(action.motion)
        return super().condition(action, physics)


def test_a_turn_that_is_tried_takes_the_grasp_point_to_where_it_went_and_nothing_else_is_known() -> None:
    """Of the true motion only what becomes of the grasp point is given: no translation that belongs to the true turn,
    by which a predictor that reads translations could tell it."""
    encoded, model = turned().some(np.array([3])), Asked()
    pose_search(model, encoded, ["a"], num_rotations=576)  # type: ignore[arg-type]
    grasp, true = encoded.action.contact[0, 0], encoded.action.motion[0, 0]
    there, back = torch.cat(model.motions[::2]), torch.cat(model.motions[1::2])
    moved = apply(true, grasp)
    torch.testing.assert_close(apply(there, grasp), moved.expand(len(there), 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(back @ there, torch.eye(4).expand(len(there), 4, 4), atol=1e-5, rtol=0)
    assert (there[:, :3, 3] - true[:3, 3]).norm(dim=-1).median() > 0.02


def test_of_two_answers_that_are_equally_good_the_mean_is_not_given() -> None:
    """One vector shows its direction and not the turn about itself: every answer must fit what was seen."""
    encoded = turned()
    z = encoded.latent["a"]
    encoded = replace(encoded, latent={"u": torch.cat([z[..., :8], z[..., 8:11]], -1)})
    found = torch.as_tensor(pose_search(TrueTurns(), encoded, ["u"], num_rotations=576)).float()  # type: ignore[arg-type]
    before, after = (torch.nn.functional.normalize(z[:, view, 8:11], dim=-1) for view in (0, 1))
    turned_to = (found @ before[..., None])[..., 0]
    assert ((turned_to * after).sum(-1) > np.cos(np.radians(10))).float().mean() > 0.9
    torch.testing.assert_close(found @ found.mT, torch.eye(3).expand(len(found), 3, 3), atol=1e-5, rtol=0)
