"""Hits under true, mismatched, shuffled and wrong signals, of models whose answers are known."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from smcrep.evaluation.encoded import Encoded
from smcrep.evaluation.signals import signal_hits
from smcrep.geometry.action import Action
from smcrep.geometry.physics import PHYSICS_DIM

N = 8


def slid(states: int, *, outcomes: int = N + 1) -> Encoded:
    """Outcomes that point as far around a circle as their friction says."""
    drawn = torch.rand(states, outcomes, PHYSICS_DIM, generator=torch.Generator().manual_seed(0))
    physics = drawn.argsort(1) / outcomes  # in disorder, and no two of a state alike
    angle = torch.cat([torch.zeros(states, 1), physics[..., 1]], 1)
    latent = torch.stack([torch.ones_like(angle), angle.cos(), angle.sin()], -1)
    action, pose = Action.identity(states, outcomes), torch.eye(4).expand(states, outcomes + 1, 4, 4)
    return Encoded({"fused": latent}, 1, action, physics, pose, np.arange(states))


class Planted:
    """``follows``: knows how friction turns the outcome; else it expects that nothing moves."""

    def __init__(self, follows: bool) -> None:
        self.follows = follows

    def condition(self, action: Action, physics: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(angle=physics[..., 1] * self.follows)

    def predict(self, source: str, equivariant: torch.Tensor, condition: SimpleNamespace) -> torch.Tensor:
        return torch.stack([condition.angle.cos(), condition.angle.sin()], -1)


class ByDuration(Planted):
    """The same by the duration of the action."""

    def condition(self, action: Action, physics: torch.Tensor | None) -> SimpleNamespace:
        return SimpleNamespace(angle=action.duration * self.follows)


def test_a_model_that_follows_the_signal_follows_it_wherever_it_leads() -> None:
    found = signal_hits(Planted(True), slid(400), rng=np.random.default_rng(0))  # type: ignore[arg-type]
    assert found.true.shape == (400, N)
    assert found.true.mean() == 1
    assert found.wrong.mean() == 0
    assert found.mismatched.sum(1) == pytest.approx(1)
    assert found.shuffled.mean() == pytest.approx(1 / N, abs=0.02)
    assert (found.scores.argmax(-1) == np.arange(N)).all()


def test_the_mismatched_signal_is_that_of_the_last_outcome() -> None:
    """Its prediction lies nearest to the candidates whose friction is next to that of the last outcome."""
    encoded = slid(60)
    assert encoded.physics is not None
    rank = (encoded.physics[..., 1] * (N + 1)).round().numpy()
    nearest = np.abs(rank[:, :N] - rank[:, N:]) == 1
    found = signal_hits(Planted(True), encoded, rng=np.random.default_rng(0))  # type: ignore[arg-type]
    np.testing.assert_allclose(found.mismatched, nearest / nearest.sum(1, keepdims=True), atol=1e-6)


def test_actions_are_a_signal_as_physics_are() -> None:
    """The action of the candidate goes with its physics: a model that follows the action alone finds it too."""
    encoded = slid(40)
    assert encoded.physics is not None
    action = replace(encoded.action, duration=encoded.physics[..., 1])
    model = ByDuration(True)
    found = signal_hits(model, replace(encoded, action=action, physics=None), rng=np.random.default_rng(0))  # type: ignore[arg-type]
    assert found.true.mean() == 1
    assert found.wrong.mean() == 0


def test_a_model_that_ignores_it_stands_at_chance_throughout() -> None:
    found = signal_hits(Planted(False), slid(50), rng=np.random.default_rng(0))  # type: ignore[arg-type]
    for hits in (found.true, found.mismatched, found.shuffled, found.wrong):
        assert hits.mean() == pytest.approx(1 / N)


def test_the_mismatched_outcome_is_no_candidate() -> None:
    encoded = slid(3)
    whole = signal_hits(Planted(True), encoded, rng=np.random.default_rng(0))  # type: ignore[arg-type]
    encoded.latent["fused"][:, -1] = 7.0
    again = signal_hits(Planted(True), encoded, rng=np.random.default_rng(0))  # type: ignore[arg-type]
    np.testing.assert_array_equal(whole.scores, again.scores)


def test_two_outcomes_are_too_few() -> None:
    with pytest.raises(ValueError, match="2 outcomes a state; give 2 candidates"):
        signal_hits(Planted(True), slid(3, outcomes=2), rng=np.random.default_rng(0))  # type: ignore[arg-type]
