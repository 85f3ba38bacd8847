"""The laws accept what ships and name what breaks them: each planted fault breaks the law of its name."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from smcrep.fusion import precision_weighted
from smcrep.objectives import (
    BYOL,
    CARE,
    CombinedWeights,
    EquiModWeights,
    Equivariance,
    Forward,
    Invariance,
    NoEquivariance,
    NTXent,
    ObjectiveWeights,
    SensorimotorWeights,
    SimCLRWeights,
    VICRegWeights,
)
from smcrep.objectives.objective import Observed
from smcrep.senses import SENSES, Sense
from smcrep.testing import assert_fusion_laws, assert_objective_laws, assert_sense_laws
from smcrep.transition import Beliefs, Loss

RNG = np.random.default_rng(0)
SAMPLES = {
    "rgb": RNG.integers(0, 256, (4, 16, 16, 3), np.uint8),
    "points": (0.1 * RNG.normal(size=(4, 30, 3)) + [0, 0, 1]).astype(np.float32),  # in front of the camera
    "depth": RNG.random((4, 16, 16)).astype(np.float32),
    "mask": RNG.random((4, 16, 16)) > 0.5,
}


@pytest.mark.parametrize("weights", [SensorimotorWeights(), SimCLRWeights(), EquiModWeights(), VICRegWeights()])
def test_objectives_that_ship_keep_the_laws(weights: ObjectiveWeights) -> None:
    assert_objective_laws(weights)


PAIRS = [
    *(CombinedWeights(invariance(), NoEquivariance()) for invariance in Invariance.kinds().values()),
    *(
        CombinedWeights(NTXent(), kind())
        for kind in Equivariance.kinds().values()
        if kind not in (NoEquivariance, CARE)
    ),
    CombinedWeights(BYOL(), Forward(steps=3)),
]


@pytest.mark.parametrize("weights", PAIRS, ids=lambda w: f"{w.invariance.kind()}+{w.equivariance.kind()}")
def test_invariances_and_equivariances_keep_the_laws(weights: CombinedWeights) -> None:
    assert_objective_laws(weights)


def test_care_keeps_the_laws_where_all_states_are_acted_on_alike() -> None:
    assert_objective_laws(CombinedWeights(NTXent(), CARE()), same_actions=True)


def test_a_known_value_at_a_constant_is_checked() -> None:
    assert_objective_laws(SimCLRWeights(), at_constant=math.log(17))  # 1 positive, 16 of other states
    with pytest.raises(AssertionError, match=r"the loss of a constant latent is 2.83.*; it should be 2.5"):
        assert_objective_laws(SimCLRWeights(), at_constant=2.5)


@pytest.mark.parametrize("name", SAMPLES)
def test_senses_that_ship_keep_the_laws(name: str) -> None:
    assert_sense_laws(SENSES[name], SAMPLES[name])


def planted(name: str, loss: Callable[[Observed], Loss]) -> ObjectiveWeights:
    @dataclass(frozen=True)
    class PlantedWeights(ObjectiveWeights):
        def loss(self, observed: Observed) -> Loss:
            return loss(observed)

    return PlantedWeights()


FAULTS: dict[str, Callable[[Observed], Loss]] = {
    "must be a scalar": lambda o: Loss(o.fused.square().sum(-1), {}),
    "the total is nan": lambda o: Loss(o.fused.square().mean() * torch.nan, {}),
    "it is missing": lambda o: Loss(o.action.vector().double().mean().requires_grad_(), {}),
    "is not detached": lambda o: Loss(o.fused.square().mean(), {"part": o.fused.mean()}),
    "order of the states matters": lambda o: Loss((o.fused * torch.arange(5.0).view(5, 1, 1)).square().mean(), {}),
    "give another loss": lambda o: Loss((o.fused + torch.rand(())).square().mean(), {}),
    "is not punished": lambda o: Loss((o.fused - o.fused.mean((0, 1))).square().sum(), {}),
    "absent observation is not 0": lambda o: Loss(o.beliefs.mean.square().mean() - o.fused.var(), {}),
    "at a constant latent": lambda o: Loss((o.fused - o.fused.mean(0)).square().sum().sqrt(), {}),
}


@pytest.mark.parametrize("words", FAULTS)
def test_a_broken_objective_is_named(words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        assert_objective_laws(planted(words, FAULTS[words]))


def leaks_absent(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    fused, weight = precision_weighted(beliefs)
    return fused + 0 * beliefs.mean.sum(-2), weight


def first_sense_counts_double(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    favoured = beliefs.log_precision.clone()
    favoured[:, 0] += 1
    return precision_weighted(replace(beliefs, log_precision=favoured))


def weights_of_two(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    fused, weight = precision_weighted(beliefs)
    return fused, 2 * weight


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (leaks_absent, "reaches the result"),
        (first_sense_counts_double, "order of senses matters"),
        (weights_of_two, "do not sum to 1"),
        (lambda b: (b.mean.sum(-2), b.present.double()), "one sense alone|do not sum to 1"),
    ],
)
def test_a_broken_fusion_rule_is_named(rule: Callable[[Beliefs], tuple[Tensor, Tensor]], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        assert_fusion_laws(rule)


def broken(**changes: object) -> Sense:
    return replace(SENSES["points"], **changes)


@pytest.mark.parametrize(
    ("sense", "words"),
    [
        (broken(check=lambda x: SENSES["points"].check(x) + 1), "checking twice"),
        (broken(item_shape=lambda resolution: (3,)), "item_shape says 1 axes"),
        (broken(augment=lambda settings, x, generator: x + torch.rand(())), "draws from elsewhere"),
        (broken(thin=lambda settings, x, generator: x.double()), "changes the type"),
    ],
)
def test_a_broken_sense_is_named(sense: Sense, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        assert_sense_laws(sense, SAMPLES["points"])
