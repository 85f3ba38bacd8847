"""Learned directions: the loss by its formula, what is gained where sensors fail, and that lengths mean nothing."""

import copy
import math

import pytest
import torch
from torch.nn.functional import normalize

from smcrep.fusion.directions import WeightedDirections, fit_directions
from smcrep.fusion.learn_directions import DirectionLearning, learn_directions
from tests.fusion.test_directions import D, M, beliefs, nearest, planted


def fitted(seed: int = 0) -> tuple[WeightedDirections, torch.Tensor, torch.Tensor]:
    """On clean readings whose variance heads are as they were drawn."""
    torch.manual_seed(0)
    clean, thing, _ = planted(torch.Generator().manual_seed(seed))
    fusion = WeightedDirections(M, D)
    fit_directions(fusion, beliefs(clean), thing, shrinkage=0.9)
    return fusion, clean, thing


def test_the_first_loss_is_the_normalised_softmax_written_out() -> None:
    fusion, clean, thing = fitted()
    settings = DirectionLearning(steps=1, batch=40, temperature=0.2, sense_dropout=0.0)
    with torch.no_grad():
        y = normalize(fusion(beliefs(clean)).embedding, dim=-1)
    rows = torch.randint(len(thing), (40,), generator=torch.Generator().manual_seed(3))
    means = torch.stack([normalize(y[thing == t].sum(0), dim=0) for t in thing.unique()])
    total = 0.0
    for row in rows.tolist():
        scores = [float(y[row] @ mean) / 0.2 for mean in means]
        total -= scores[int(thing[row])] - math.log(sum(math.exp(score) for score in scores))
    losses = learn_directions(fusion, beliefs(clean), thing, settings, torch.Generator().manual_seed(3))
    assert losses.tolist() == pytest.approx([total / 40], rel=1e-4)


def test_things_are_told_apart_better_where_a_nuisance_is_planted() -> None:
    """Half of the numbers of each sense are large and mean nothing; weak whitening leaves them in."""
    fusion, clean, thing = fitted()
    generator = torch.Generator().manual_seed(5)

    def nuisance(mean: torch.Tensor) -> torch.Tensor:
        found = mean.clone()
        found[..., : D // 2] += 4 * torch.randn(found[..., : D // 2].shape, generator=generator)
        return found

    known, asked = nuisance(clean), nuisance(planted(torch.Generator().manual_seed(0))[0])
    fit_directions(fusion, beliefs(known), thing, shrinkage=0.9)
    before = nearest(fusion, known, thing, beliefs(asked), fault=0.0)
    losses = learn_directions(fusion, beliefs(known), thing, DirectionLearning(), generator)
    assert float(losses[-20:].mean()) < 0.8 * float(losses[:20].mean())
    assert nearest(fusion, known, thing, beliefs(asked), fault=0.0) > before + 0.05


def test_the_length_of_the_maps_changes_nothing() -> None:
    fusion, clean, thing = fitted()
    other = copy.deepcopy(fusion)
    other.turn.mul_(1000)
    settings = DirectionLearning(steps=20)
    for each in (fusion, other):
        learn_directions(each, beliefs(clean), thing, settings, torch.Generator().manual_seed(1))
    torch.testing.assert_close(fusion.directions(beliefs(clean)), other.directions(beliefs(clean)), atol=1e-4, rtol=0)


def test_things_of_other_beliefs_are_refused() -> None:
    fusion, clean, thing = fitted()
    with pytest.raises(ValueError, match="learn_directions: 720 beliefs, 719 things; give one of each"):
        learn_directions(fusion, beliefs(clean), thing[1:], DirectionLearning(), torch.Generator())
