"""The turn is found where the latent truly turns, and is not invented where it does not."""

from dataclasses import replace

import torch

from smcrep.evaluation.pose_search import pose_search
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
