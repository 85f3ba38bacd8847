"""Precision on unseen objects: the sense that is wrong there weighs less, and nothing else of the model moves."""

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from torch.nn import functional as F

from smcrep.hub import build_model
from smcrep.models.config import ModelConfig
from smcrep.models.heads import BeliefHead, shift_precision
from smcrep.models.model import SensorimotorModel
from smcrep.models.predictors import rotate
from smcrep.objectives.objective import Observed
from smcrep.objectives.sensorimotor import SensorimotorWeights
from smcrep.training.calibrate import calibrate_precision, one_state_an_object
from smcrep.transition import Beliefs, Loss, Senses, Transition
from tests.training.synthetic import transition

SMALL = ModelConfig(
    trunk_dim=32, invariant_dim=8, num_vectors=2, num_tensors=1, projector_dim=8, predictor_hidden=16, condition_dim=8
)


def model(config: ModelConfig = SMALL) -> SensorimotorModel:
    torch.manual_seed(0)
    return build_model(config)


def biases(of: SensorimotorModel) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in of.state_dict().items() if name.endswith("_precision.bias")}


def test_shift_of_precision_equals_a_shift_of_the_heads_biases() -> None:
    torch.manual_seed(1)
    head = BeliefHead(SMALL)
    for layer in (head.invariant_precision, head.equivariant_precision):
        torch.nn.init.normal_(layer.weight, std=0.3)
    invariant, equivariant = torch.randn(2, 5, 32)
    before = head(invariant, equivariant)[1]
    shift = torch.full((SMALL.embed_dim,), -0.7)
    shift[:8] = 1.2
    with torch.no_grad():
        head.invariant_precision.bias.add_(1.2)
        head.equivariant_precision.bias.sub_(0.7)
    torch.testing.assert_close(shift_precision(before, shift), head(invariant, equivariant)[1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("wrong", [("rgb", "rgb"), ("points", "points"), ("rgb", "points"), ("points", "rgb")])
def test_the_part_of_a_sense_that_is_wrong_on_these_objects_weighs_less(wrong: tuple[str, str]) -> None:
    """Of each part one sense holds what is there, and turns as it does; the other (``wrong`` in the invariant part,
    and in the equivariant one), as sure of itself, holds noise."""
    batch, of = transition(12, 4, seed=0), model()
    true = truth(batch)
    noise = torch.randn(true.shape, generator=torch.Generator().manual_seed(2))
    noise = torch.cat([F.normalize(noise[..., :8], dim=-1), F.normalize(noise[..., 8:], dim=-1)], -1)
    is_noise = [torch.tensor([name == wrong[0]] * 8 + [name == wrong[1]] * 15) for name in SMALL.senses]
    means = torch.stack([torch.where(here, noise, true) for here in is_noise], -2)
    given = iter([True])

    def beliefs(senses: Senses) -> Beliefs:
        assert next(given), "encoded once, all 12 states"
        flat = means.flatten(0, 1)
        return Beliefs(flat, torch.zeros_like(flat), torch.ones(flat.shape[:2], dtype=torch.bool), SMALL.names)

    of.beliefs = beliefs  # type: ignore[method-assign]
    of.condition = lambda action, physics=None: action.motion[..., :3, :3]  # type: ignore[method-assign, assignment]
    of.predict = lambda source, z, condition: rotate(z, condition, 1)  # type: ignore[method-assign, assignment]
    of.project = lambda invariant: invariant  # type: ignore[method-assign, assignment]
    before = biases(of)
    found = calibrate_precision(of, batch, SensorimotorWeights())
    for part, worse in zip(("invariant", "equivariant"), wrong, strict=True):
        better = "points" if worse == "rgb" else "rgb"
        assert found[f"{part}/{better}"] - found[f"{part}/{worse}"] > 2
        for sense in SMALL.senses:
            name = f"heads.{sense}.{part}_precision.bias"
            torch.testing.assert_close(
                biases(of)[name] - before[name], torch.full_like(before[name], found[f"{part}/{sense}"])
            )


def truth(batch: Transition) -> torch.Tensor:
    """[b, k + 1, d]: one direction a state, and vectors and a tensor that turn as the object is turned."""
    num_states, num_views = batch.observations.batch_shape
    generator = torch.Generator().manual_seed(1)
    own = F.normalize(torch.randn(num_states, 1, 8, generator=generator), dim=-1).expand(-1, num_views, -1)
    start = F.normalize(torch.randn(num_states, 1, 15, generator=generator), dim=-1)
    after = rotate(start.expand(-1, num_views - 1, -1), batch.action.motion[..., :3, :3], 1)
    return torch.cat([own, torch.cat([start, after], 1)], -1)


def test_nothing_but_the_biases_of_precisions_moves() -> None:
    batch, of = transition(6, 3, seed=0), model().train()
    before, generator = {k: v.clone() for k, v in of.state_dict().items()}, torch.get_rng_state()
    shifts = calibrate_precision(of, batch, SensorimotorWeights(), steps=5)
    assert of.training
    torch.testing.assert_close(torch.get_rng_state(), generator, atol=0, rtol=0)
    moved = {name for name, value in of.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == set(biases(of))
    for sense in ("rgb", "points"):
        for part in ("invariant", "equivariant"):
            name = f"heads.{sense}.{part}_precision.bias"
            torch.testing.assert_close(
                of.state_dict()[name] - before[name], torch.full_like(before[name], shifts[f"{part}/{sense}"])
            )
    again = model()
    assert calibrate_precision(again, batch, SensorimotorWeights(), steps=5) == shifts


def test_nothing_changes_where_nothing_is_weighed() -> None:
    batch, trained = transition(4, 3, seed=0), SensorimotorWeights()
    alone, equal = model(replace(SMALL, senses={"points": None})), model(replace(SMALL, fusion="equal"))
    for of, seen, weights, steps in (
        (alone, batch, trained, 5),
        (equal, batch, trained, 5),
        (model(), batch, replace(trained, fused=0.0), 5),
        (model(), batch[:1], trained, 5),
        (model(), batch, trained, 0),
    ):
        before = biases(of)
        assert calibrate_precision(of, seen, weights, steps=steps) == {}
        assert all(torch.equal(value, before[name]) for name, value in biases(of).items())


def test_two_states_of_one_object_are_never_told_apart() -> None:
    ids = torch.tensor([4, 4, 4, 4, 7, 7, 9])
    generator, drawn = torch.Generator().manual_seed(0), []
    for _ in range(50):
        rows = one_state_an_object(ids, generator)
        assert sorted(ids[rows].tolist()) == [4, 7, 9]
        drawn += rows.tolist()
    assert set(drawn) == set(range(7))
    everything = one_state_an_object(torch.arange(20), torch.Generator().manual_seed(1))
    assert torch.equal(everything, torch.randperm(20, generator=torch.Generator().manual_seed(1)))


@dataclass(frozen=True)
class Counted(SensorimotorWeights):
    """Notes how many states each batch has."""

    states: ClassVar[list[int]] = []

    def loss(self, observed: Observed) -> Loss:
        self.states.append(len(observed.fused))
        return super().loss(observed)


def test_batches_of_calibration_have_one_state_an_object() -> None:
    batch = transition(6, 3, seed=0)
    shared = replace(batch, object_id=torch.tensor([0, 0, 0, 1, 1, 2]))
    assert calibrate_precision(model(), shared, Counted(), steps=4)
    assert Counted.states == [3] * 4
    alone = replace(batch, object_id=torch.zeros(6, dtype=torch.int64))
    assert calibrate_precision(model(), alone, Counted(), steps=4) == {}
