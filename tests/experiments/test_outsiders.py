"""The toy world shows what it says, and a planted model that knows it has all the use there is."""

from typing import Any

import pytest
import torch
from torch import nn

from tests.experiments.scripts import script

outsiders: Any = script("outsiders")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def centre(picture: torch.Tensor) -> torch.Tensor:
    """[..., 2]: centre of mass (x, y) of the own point's channel."""
    own = picture.unflatten(-1, (2, outsiders.SIDE, outsiders.SIDE))[..., 0, :, :]
    axis = (torch.arange(outsiders.SIDE) + 0.5) / outsiders.SIDE
    mass = own.sum((-1, -2))
    return torch.stack([(own.sum(-2) * axis).sum(-1) / mass, (own.sum(-1) * axis).sum(-1) / mass], -1)


def test_the_own_point_moves_by_the_action_and_the_others_jump_alike_in_all_branches() -> None:
    before, action, after = outsiders.transitions(40, 3, seeded())
    inside = centre(before)[:, None] + outsiders.FARTHEST * action
    kept = ((inside > 0.3) & (inside < 0.7)).all(-1)  # where no edge cuts the point
    assert torch.allclose(centre(after)[kept], inside[kept], atol=0.01)
    others = after.unflatten(-1, (2, -1))[:, :, 1]
    assert torch.equal(others[:, :1].expand_as(others), others)
    assert not torch.allclose(others[:, 0], before.unflatten(-1, (2, -1))[:, 1])


class Known(nn.Module):
    """Encodes the place of the own point; the forward model adds what it hears of the action."""

    def __init__(self, heard: float) -> None:
        super().__init__()
        self.heard, self.encoder = heard, centre

    def predict(self, z: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
        return z + self.heard * outsiders.FARTHEST * action


def test_use_of_planted_models() -> None:
    knows, deaf, wrong = (outsiders.measured(Known(heard), 0) for heard in (1.0, 0.0, -1.0))
    assert knows["use"] > 0.85
    assert (knows["verdict"], deaf["verdict"], wrong["verdict"]) == ("used", "collapsed", "collapsed")
    assert deaf["use"] == pytest.approx(0, abs=0.01)
    assert wrong["use"] < 0


@torch.no_grad()
def test_objectives_are_their_formulas_in_loops() -> None:
    model, (before, action, after) = outsiders.WorldModel(), outsiders.transitions(5, 1, seeded())
    z, outcome = model.encoder(before), model.encoder(after[:, 0])
    forward = inverse = 0.0
    for i in range(5):
        forward += float((model.predict(z, action[:, 0])[i] - outcome[i]).square().sum()) / 5
        read = model.inverse_model(torch.cat([z[i], outcome[i]]))
        inverse += float((read - action[i, 0]).square().sum()) / 5
    found = {
        name: float(outsiders.objective(model, name, before, action[:, 0], after[:, 0], seeded(1)))
        for name in outsiders.MODELS
    }
    assert found["forward"] == pytest.approx(forward, rel=1e-5)
    assert found["smwm"] == pytest.approx(forward + 10 * inverse, rel=1e-5)
    assert found["lewm"] == found["detached"] > forward


@pytest.mark.parametrize(("name", "reaches"), [("lewm", True), ("detached", False)])
def test_detaching_keeps_the_gradient_from_the_target(name: str, reaches: bool, monkeypatch) -> None:
    monkeypatch.setattr(outsiders, "SIGREG", 0.0)
    model, (before, action, after) = outsiders.WorldModel(), outsiders.transitions(5, 1, seeded())
    after.requires_grad_()
    outsiders.objective(model, name, before, action[:, 0], after[:, 0], seeded(1)).backward()
    assert bool(after.grad.abs().sum() > 0) is reaches
