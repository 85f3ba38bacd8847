"""A latent that turns with its object: the group follows unseen turns as well as seen ones, no change reads 1, and what
learned on seen turns alone falls behind on the others."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from smcrep.evaluation.encoded import Encoded
from smcrep.geometry.action import KINDS, Action
from smcrep.geometry.rotations import uniform_rotations
from smcrep.models.predictors import rotate
from smcrep.transition import FUSED
from tests.experiments.scripts import script

experiment: Any = script("predictors")
STATES, OUTCOMES, TENSORS = 40, 4, 1


def planted(seed: int = 0) -> Encoded:
    """States of 4 objects: 5 vectors and a tensor, turned exactly by each action."""
    rng = np.random.default_rng(seed)
    turns = torch.from_numpy(uniform_rotations(STATES * OUTCOMES, rng)).float().unflatten(0, (STATES, OUTCOMES))
    action = Action.identity(STATES, OUTCOMES)
    action.motion[..., :3, :3] = turns
    action.kind.fill_(KINDS.index("turn"))
    before = torch.from_numpy(rng.normal(size=(STATES, 1, 24))).float()
    after = rotate(before.expand(-1, OUTCOMES, -1), turns, TENSORS)
    pose = torch.eye(4).expand(STATES, OUTCOMES + 1, 4, 4)
    return Encoded({FUSED: torch.cat([before, after], 1)}, 0, action, None, pose, np.arange(STATES) % 4)


class NoChange(nn.Module):
    def forward(self, z: Tensor, action: Action) -> Tensor:
        return z


def group() -> nn.Module:
    return experiment.Ours(experiment.turns(planted())[1], 24, TENSORS, "group")


def test_half_of_the_turns_are_seen_and_their_inverses_are_not() -> None:
    _, action, seen, _, _ = experiment.turns(planted())
    assert len(seen) == STATES * (OUTCOMES + 1) * OUTCOMES
    assert int(seen.sum()) == len(seen) // 2  # each pair there and back
    assert torch.equal(experiment.is_seen(action.inverse()), ~seen)
    about_x = Action.identity(1)
    about_x.motion[0, 1:3, 1:3] = torch.tensor([[0.0, -1.0], [1.0, 0.0]])  # y goes to z: a quarter turn about +x
    assert bool(experiment.is_seen(about_x))


def test_group_is_exact_and_no_change_reads_one() -> None:
    exact, still = (experiment.measured(model, planted(1)) for model in (group(), NoChange()))
    assert max(exact["seen"].max(), exact["unseen"].max()) < 1e-5
    for side in ("seen", "unseen"):
        np.testing.assert_allclose(still[side], still[f"{side}_moved"])
    kept = experiment.laws(group(), planted(1))
    assert max(kept[law].max() for law in ("identity", "inverse", "composition")) < 1e-5
    assert kept["gain"].min() > 0.2


@pytest.mark.parametrize("name", ["lightly", "dynamics", "dino_wm", "ours"])
def test_predictors_take_and_learn_seen_turns(name: str) -> None:
    data = experiment.turns(planted())
    torch.manual_seed(0)
    model = experiment.builders(TENSORS)[name](data[1], 24)
    first = experiment.measured(model, planted())["seen"].mean()
    experiment.fit(model, data, 3e-3, 0, 60)
    found = experiment.measured(model, planted())
    assert found["seen"].mean() < 0.9 * first
    if name != "ours":
        assert found["unseen"].mean() > 1.2 * found["seen"].mean()


def test_rollout_of_the_protocol_feeds_predictions_back() -> None:
    torch.manual_seed(0)
    model = experiment.Dynamics(experiment.turns(planted())[1], 24)
    z, steps = torch.randn(3, 24), torch.randn(3, 2, 2, len(model.mean))
    both = model.rollout({"emb": z}, steps)["predicted_emb"]
    once = model.rollout({"emb": z}, steps[:, 1:, :1])["predicted_emb"][:, 0, 0]
    again = model.rollout({"emb": once}, steps[:, 1:, 1:])["predicted_emb"][:, 0, 0]
    assert both.shape == (3, 2, 2, 24)
    torch.testing.assert_close(both[:, 1, 1], again)


def test_states_that_do_not_compose_are_left_out() -> None:
    encoded = planted()
    encoded.action.kind[3, 1] = KINDS.index("push")
    assert len(experiment.rigid(encoded).object_ids) == STATES - 1
    encoded.action.kind.fill_(KINDS.index("push"))
    with pytest.raises(ValueError, match="give a run of turns"):
        experiment.rigid(encoded)
