"""The moved cloud of a store: planted outcomes are found, and what is done to observations reaches every cloud."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from smcrep.evaluation.moved_cloud import STATES_AT_ONCE, moved_cloud_hits
from smcrep.geometry.action import apply
from smcrep.transition import Senses

NUM_STATES, K, N = STATES_AT_ONCE + 3, 4, 40


def planted() -> SimpleNamespace:
    """A store of clouds that are moved exactly as commanded."""
    generator = torch.Generator().manual_seed(0)
    before = 0.03 * torch.randn(NUM_STATES, N, 3, generator=generator)
    motion = torch.eye(4).repeat(NUM_STATES, K, 1, 1)
    motion[..., :3, 3] = 0.1 * torch.randn(NUM_STATES, K, 3, generator=generator)
    clouds = torch.cat([before[:, None], apply(motion[:, :, None], before[:, None])], 1)

    def transitions(states: np.ndarray, names: list[str]) -> SimpleNamespace:
        assert names == ["points"]
        observations = Senses.all_present({"points": clouds[states]}, 2)
        return SimpleNamespace(observations=observations, action=SimpleNamespace(motion=motion[states]))

    return SimpleNamespace(num_states=NUM_STATES, transitions=transitions)


def test_every_outcome_is_found_by_the_commanded_motion() -> None:
    found = moved_cloud_hits(planted(), shares=(0.1, 1.0))  # type: ignore[arg-type]
    assert {share: (hits.shape, hits.mean()) for share, hits in found.items()} == {
        0.1: ((NUM_STATES, K), 1.0),
        1.0: ((NUM_STATES, K), 1.0),
    }


def test_a_change_is_made_to_the_clouds_before_and_after() -> None:
    def at_one_place(senses: Senses) -> Senses:
        return Senses({"points": torch.zeros_like(senses["points"])}, senses.present)

    hits = moved_cloud_hits(planted(), shares=(1.0,), change=at_one_place)[1.0]  # type: ignore[arg-type]
    assert hits == pytest.approx(np.full((NUM_STATES, K), 1 / K))  # all outcomes tie


def test_only_the_first_points_are_sensed() -> None:
    def rest_is_noise(senses: Senses) -> Senses:
        cloud = senses["points"].clone()
        cloud[:, 5:] = torch.randn(cloud[:, 5:].shape, generator=torch.Generator().manual_seed(1))
        return Senses({"points": cloud}, senses.present)

    some = np.array([1, NUM_STATES - 1])
    few = moved_cloud_hits(planted(), shares=(1.0,), num_points=5, change=rest_is_noise, states=some)[1.0]  # type: ignore[arg-type]
    assert few.shape == (2, K)
    assert few.mean() == 1
    assert moved_cloud_hits(planted(), shares=(1.0,), change=rest_is_noise, states=some)[1.0].mean() < 1  # type: ignore[arg-type]
