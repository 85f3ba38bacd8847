"""A whole cloud moved as commanded is found; with the wrong motion, or its inverse, it is not."""

import pytest
import torch

from smcrep.geometry.action import apply
from smcrep.geometry.rotations import rotvec_to_rotation
from smcrep.probes.moved_cloud import moved_cloud_scores
from smcrep.probes.retrieval import rank_same_state


def clouds(num_states: int = 6, k: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    before = 0.1 * torch.rand(num_states, 40, 3, generator=generator) * torch.tensor([3.0, 1.0, 0.3])
    motion = torch.eye(4).repeat(num_states, k, 1, 1)
    motion[..., :3, :3] = rotvec_to_rotation(torch.randn(num_states, k, 3, generator=generator))
    motion[..., :3, 3] = 0.05 * torch.randn(num_states, k, 3, generator=generator)
    order = torch.randperm(40, generator=generator)
    return before, motion, apply(motion[:, :, None], before[:, None])[:, :, order]


def test_the_commanded_motion_finds_the_outcome() -> None:
    scores = moved_cloud_scores(*clouds())
    assert scores.shape == (6, 5, 5)
    assert rank_same_state(scores).hits(1).mean() == 1
    assert abs(scores[:, range(5), range(5)]).max() < 1e-8


def test_the_inverse_motion_does_not() -> None:
    before, motion, after = clouds()
    assert rank_same_state(moved_cloud_scores(before, torch.linalg.inv(motion), after)).hits(1).mean() < 0.5


def test_clouds_of_other_states_are_refused() -> None:
    before, motion, after = clouds()
    with pytest.raises(ValueError, match=r"moved_cloud: clouds \[5, 40, 3\]"):
        moved_cloud_scores(before[:5], motion, after)


def test_a_share_of_the_points_is_compared_where_the_others_are_seen_once() -> None:
    """Each outcome shows ten points that were not seen before, somewhere of its own."""
    before, motion, after = clouds()
    strange = 0.6 * torch.randn(6, 5, 10, 3, generator=torch.Generator().manual_seed(1))
    after = torch.cat([after, strange], 2)
    scores = moved_cloud_scores(before, motion, after, share=0.8)
    assert abs(scores[:, range(5), range(5)]).max() < 1e-8
    assert abs(moved_cloud_scores(before, motion, after)[:, range(5), range(5)]).min() > 0.01
    assert moved_cloud_scores(before, motion, after).dtype == "float64"
