"""What every objective is: a type of weights, known by its name, of what was observed."""

import json
from dataclasses import replace

import pytest
import torch

from smcrep.objectives import EquiModWeights, ObjectiveWeights, SensorimotorWeights, SimCLRWeights, VICRegWeights
from smcrep.objectives.objective import mean_loss
from smcrep.records import from_record, to_record
from smcrep.transition import FUSED, Loss
from tests.objectives.observed import observed_batch

SHIPPED = {
    "sensorimotor": SensorimotorWeights,
    "equimod": EquiModWeights,
    "simclr": SimCLRWeights,
    "vicreg": VICRegWeights,
}


def test_every_objective_is_known_by_the_name_of_its_weights() -> None:
    assert SHIPPED.items() <= ObjectiveWeights.kinds().items()


@pytest.mark.parametrize("weights", [kind() for kind in SHIPPED.values()], ids=list(SHIPPED))
def test_weights_go_to_json_and_back(weights: ObjectiveWeights) -> None:
    record = json.loads(json.dumps(to_record(weights)))
    assert record["type"] == weights.kind()
    assert from_record(ObjectiveWeights, record, "objective") == weights


@pytest.mark.parametrize("weights", [SimCLRWeights(), VICRegWeights(), EquiModWeights()], ids=lambda w: w.kind())
def test_absent_sense_is_refused_by_objectives_that_know_none(weights: ObjectiveWeights) -> None:
    given = observed_batch()
    given.beliefs.present[0, 1, 0] = False
    with pytest.raises(ValueError, match=r"a sense is absent in some observations; .* take SensorimotorWeights"):
        weights.loss(given)


def test_latents_are_those_of_each_sense_and_the_fused() -> None:
    given = observed_batch()
    latents = given.latents()
    assert list(latents) == ["rgb", "points", FUSED]
    assert torch.equal(latents["points"], given.beliefs.mean[:, :, 1])
    assert latents[FUSED] is given.fused


def test_fused_only_keeps_the_fused_terms_and_is_none_without_them() -> None:
    weights = SensorimotorWeights(fused=0.5, same_state_negatives=False, equivariant_temperature=0.3)
    given, only = observed_batch(), weights.fused_only()
    assert only == replace(weights, invariant=0.0, equivariant=0.0, cross_modal=0.0, fused=1.0)
    assert set(only.loss(given).parts) == {"invariant/fused", "equivariant/fused", "floor"}
    assert replace(weights, fused=0.0).fused_only() is None
    assert SimCLRWeights().fused_only() == SimCLRWeights()


def test_mean_loss_is_the_mean_of_totals_and_keeps_all_parts() -> None:
    found = mean_loss(
        {name: Loss(torch.tensor(value), {"part": torch.tensor(value)}) for name, value in (("a", 1.0), ("b", 4.0))}
    )
    assert found.total == 2.5
    assert found.parts == {"part/a": 1.0, "part/b": 4.0}


def test_base_has_no_loss() -> None:
    with pytest.raises(NotImplementedError):
        ObjectiveWeights().loss(observed_batch())
