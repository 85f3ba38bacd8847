"""The roll-out's loss equals its sum in loops; predictions are made one from the other along the chain of outcomes."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from smcrep.objectives import BYOL, CombinedWeights, Forward, NoEquivariance, Observed
from smcrep.objectives.forward_model import roll_out
from tests.objectives.observed import observed_by, small_model
from tests.training.synthetic import transition


def test_equals_the_sum_written_out() -> None:
    generator = torch.Generator().manual_seed(0)
    predicted, outcome = (torch.randn(3, 4, 2, generator=generator, dtype=torch.float64) for _ in range(2))
    total = 0.0
    for t in range(4):
        squares = [sum(float(d) ** 2 for d in predicted[i, t] - outcome[i, t]) for i in range(3)]
        total += 0.25**t * sum(squares) / 3 / 4
    assert float(roll_out(predicted, outcome, 0.25).total) == pytest.approx(total)
    assert torch.autograd.gradcheck(
        lambda p, o: roll_out(p, o, 0.25).total, (predicted.requires_grad_(), outcome.requires_grad_())
    )


def test_by_hand() -> None:
    """Off by 1 in the first step and by 2 in the second, decay .5: (1 + .5 * 4) / 2."""
    predicted = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    assert float(roll_out(predicted, torch.zeros(1, 2, 2), 0.5).total) == pytest.approx(1.5)


def test_an_exact_group_model_has_no_error_along_the_chain() -> None:
    """The group predictor composes: planted outcomes R z are met by 1 step to each and by 3 in a row, with the actions
    between outcomes in the frame of each; from the wrong frame they are not."""
    model, batch = small_model("group"), transition(4, 3, seed=0)
    given = observed_by(model, batch)
    condition, first = model.condition(given.action, given.physics), given.num_invariant
    with torch.no_grad():
        for latent in (given.fused, given.beliefs.mean[:, :, 0], given.beliefs.mean[:, :, 1]):
            latent[:, 1:, first:] = model.predict("fused", latent[:, :1, first:].expand(-1, 3, -1), condition)
    for equivariance in (Forward(), Forward(steps=3), Forward(steps=2)):
        found = CombinedWeights(BYOL(), equivariance).loss(_with_predictor(given))
        assert float(found.parts["equivariance/fused"]) == pytest.approx(0, abs=1e-9)
    shuffled = _with_predictor(given, order=[1, 2, 0])
    assert float(CombinedWeights(BYOL(), Forward(steps=3)).loss(shuffled).parts["equivariance/fused"]) > 1e-3


def _with_predictor(given: Observed, order: Sequence[int] = (0, 1, 2)) -> Observed:
    return replace(given, heads={"invariance_predictor": torch.nn.Identity()}, action=given.action[:, list(order)])


def test_chains_that_cannot_be_are_refused() -> None:
    weights = CombinedWeights(BYOL(), Forward(steps=3))
    few = _with_predictor(observed_by(small_model(), transition(4, 2, seed=0)), order=(0, 1))
    with pytest.raises(ValueError, match="roll-out: 3 steps of 2 outcomes a state; raise num_branches, or fewer steps"):
        weights.loss(few)
    pushed = _with_predictor(observed_by(small_model(), transition(4, 3, seed=0, kind="push")))
    with pytest.raises(ValueError, match="no rigid motions do not compose; take 1 step"):
        weights.loss(pushed)


def test_momentum_is_one_for_both_parts() -> None:
    with pytest.raises(ValueError, match=r"momentum is \[0.9, 0.99\]; there is one target network, give one"):
        CombinedWeights(BYOL(momentum=0.9), Forward(momentum=0.99))
    assert CombinedWeights(BYOL(momentum=0.9), NoEquivariance()).target_momentum() == 0.9
