"""Observations of a transition: the one before, then the outcomes, each with its own senses and absences."""

import torch

from tests.training.synthetic import transition


def test_observations_are_before_then_outcomes_with_their_own_absences() -> None:
    made = transition(4, 2, seed=0)
    made.before.present["rgb"][1] = False
    made.after.present["rgb"][2, 1] = False
    made.after.present["points"][3, 0] = False
    seen = made.observations
    assert seen.batch_shape == (4, 3)
    for name in ("rgb", "points"):
        assert torch.equal(seen[name][:, 0], made.before[name])
        assert torch.equal(seen[name][:, 1:], made.after[name])
    assert (~seen.present["rgb"]).nonzero().tolist() == [[1, 0], [2, 2]]
    assert (~seen.present["points"]).nonzero().tolist() == [[3, 1]]
