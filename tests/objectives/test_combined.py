"""Any invariance with any equivariance: what each is handed, names, JSON, networks of their own, the target network."""

import json
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from smcrep.objectives import (
    AASSL,
    BYOL,
    AugSelf,
    CombinedWeights,
    ConditionalBYOL,
    EquiMod,
    Equivariance,
    Invariance,
    Inverse,
    NoEquivariance,
    NTXent,
    ObjectiveWeights,
    VICReg,
    byol,
    nt_xent,
    objectives,
    vicreg,
)
from smcrep.objectives.vicreg import VICRegWeights
from smcrep.records import from_record, to_record
from smcrep.testing.objectives import synthetic_observed
from tests.objectives.observed import observed_batch

INVARIANCES = {"ntxent", "byol", "barlowtwins", "vicreg", "sigreg"}
EQUIVARIANCES = {"none", "equimod", "augself", "sen", "sie", "care", "conditionalbyol", "aassl", "forward", "inverse"}


def part(weights: CombinedWeights, observed, name: str) -> float:
    return float(weights.loss(observed).parts[name])


def test_every_invariance_goes_with_every_equivariance_by_name() -> None:
    assert Invariance.kinds().keys() >= INVARIANCES
    assert Equivariance.kinds().keys() >= EQUIVARIANCES
    named = objectives()
    assert {f"{a}+{b}" for a in INVARIANCES for b in EQUIVARIANCES} <= named.keys()
    assert ObjectiveWeights.kinds().items() <= named.items()
    assert named["vicreg+inverse"]() == CombinedWeights(VICReg(), Inverse())


def test_weights_go_to_json_and_back() -> None:
    weights = CombinedWeights(BYOL(momentum=0.9), AugSelf(hidden=7), weight=0.25)
    record = json.loads(json.dumps(to_record(weights)))
    assert record["equivariance"] == {"type": "augself", "hidden": 7}
    assert from_record(ObjectiveWeights, record, "objective") == weights
    record["invariance"]["type"] = "byool"
    with pytest.raises(ValueError, match=r"objective.invariance: unknown type 'byool'; did you mean 'byol'"):
        from_record(ObjectiveWeights, record, "objective")


def test_total_is_the_mean_over_senses_of_the_weighted_sum() -> None:
    found = CombinedWeights(NTXent(), EquiMod(), weight=0.25).loss(synthetic_observed())
    senses = ("first", "second", "fused")
    wanted = sum(found.parts[f"invariance/{s}"] + 0.25 * found.parts[f"equivariance/{s}"] for s in senses) / 3
    assert float(found.total.detach()) == pytest.approx(float(wanted))
    assert len(found.parts) == 6


def test_invariance_is_of_each_view_with_the_next_and_equimod_of_all_outcomes() -> None:
    given = synthetic_observed()
    z = given.latents()["second"].detach()
    projected = given.project(z[..., :4])
    each = [float(vicreg(projected[:, i], projected[:, (i + 1) % 4], VICRegWeights()).total) for i in range(4)]
    assert part(CombinedWeights(VICReg(), NoEquivariance()), given, "invariance/second") == pytest.approx(sum(each) / 4)
    predicted = given.predict("second", z[:, :1, 4:].expand(-1, 3, -1), given.condition(given.action, None))
    wanted = float(nt_xent(z[:, 1:, 4:].flatten(0, 1), predicted.flatten(0, 1), 0.3).total)
    found = part(CombinedWeights(NTXent(), EquiMod(temperature=0.3)), given, "equivariance/second")
    assert found == pytest.approx(wanted)


def test_byol_predicts_the_targets_projections_of_the_other_view() -> None:
    weights = CombinedWeights(BYOL(), NoEquivariance())
    given = synthetic_observed(weights=weights)
    assert given.target is not None
    own, slow = (given.project(x.latents()["first"].detach()[..., :4]) for x in (given, given.target))
    predicted = given.head("invariance_predictor")(own).detach()
    each = [float(byol(predicted[:, i], predicted[:, j], slow[:, i], slow[:, j]).total) for i, j in RING]
    assert part(weights, given, "invariance/first") == pytest.approx(sum(each) / 4)
    assert not torch.equal(own, slow)


RING = [(0, 1), (1, 2), (2, 3), (3, 0)]


def test_without_a_target_network_the_model_stands_in_and_gets_no_gradient_as_target() -> None:
    weights = CombinedWeights(NTXent(), ConditionalBYOL())
    given = replace(synthetic_observed(weights=weights), target=None)
    found = weights.loss(given)
    y = given.latents()["fused"][..., 4:]
    predicted = given.predict("fused", y[:, :1].expand(-1, 3, -1), given.condition(given.action, None))
    wanted = (2 - 2 * F.cosine_similarity(predicted, y[:, 1:].detach(), dim=-1)).mean()
    assert float(found.parts["equivariance/fused"]) == pytest.approx(float(wanted.detach()))
    only = replace(weights, weight=1e9).loss(given).total / 1e9
    (gradient,) = torch.autograd.grad(only, given.beliefs.mean)
    assert gradient[:, 0, :, 4:].any()
    assert not gradient[:, 1:, :, 4:].any()


def test_conditional_byol_takes_the_outcomes_of_the_target() -> None:
    weights = CombinedWeights(NTXent(), ConditionalBYOL())
    given = synthetic_observed(weights=weights)
    assert given.target is not None
    y, slow = (x.latents()["first"].detach()[..., 4:] for x in (given, given.target))
    predicted = given.predict("first", y[:, :1].expand(-1, 3, -1), given.condition(given.action, None))
    wanted = float((2 - 2 * F.cosine_similarity(predicted, slow[:, 1:], dim=-1)).mean())
    assert part(weights, given, "equivariance/first") == pytest.approx(wanted)


def read_back(observed, sense: str, head: str) -> tuple[torch.Tensor, torch.Tensor]:
    """What the head makes of (before, after) of each action, and the actions."""
    y = observed.latents()[sense].detach()[..., 4:]
    rows = torch.cat([y[:, :1].expand(-1, 3, -1), y[:, 1:]], -1).flatten(0, 1)
    return observed.head(head)(rows).detach(), observed.scaled_action(observed.action).flatten(0, 1)


def test_augself_reads_the_action_from_before_and_after() -> None:
    weights = CombinedWeights(NTXent(), AugSelf(hidden=16))
    given = synthetic_observed(weights=weights)
    read, action = read_back(given, "first", "equivariance_reader")
    squares = [float(a - b) ** 2 for a, b in zip(read.flatten(), action.flatten(), strict=True)]
    assert part(weights, given, "equivariance/first") == pytest.approx(sum(squares) / len(squares))


def test_inverse_is_the_forward_loss_and_the_weighted_inverse_loss() -> None:
    weights = CombinedWeights(NTXent(), Inverse(inverse=0.3, hidden=16))
    given = synthetic_observed(weights=weights)
    read, action = read_back(given, "fused", "equivariance_inverse")
    y = given.latents()["fused"].detach()[..., 4:]
    predicted = given.predict("fused", y[:, :1].expand(-1, 3, -1), given.condition(given.action, None))
    forward = float((predicted - y[:, 1:]).square().sum(-1).mean())
    wanted = forward + 0.3 * float((read - action).square().mean())
    assert part(weights, given, "equivariance/fused") == pytest.approx(wanted)


def test_inverse_pulls_outcomes_too_and_forward_alone_does_not() -> None:
    for equivariance, pulled in ((Inverse(inverse=0.0), True), (ConditionalBYOL(), False)):
        weights = CombinedWeights(NTXent(), equivariance, weight=1e9)
        given = replace(synthetic_observed(weights=weights), target=None)
        (gradient,) = torch.autograd.grad(weights.loss(given).total / 1e9, given.beliefs.mean)
        assert bool(gradient[:, 1:, :, 4:].any()) == pulled


def test_aassl_contrasts_the_embedded_action_with_what_is_seen_of_it() -> None:
    weights = CombinedWeights(NTXent(), AASSL(temperature=0.2, hidden=16, dim=6))
    given = synthetic_observed(weights=weights)
    seen, action = read_back(given, "first", "equivariance_seen")
    acted = given.head("equivariance_action")(action).detach()
    assert acted.shape == (15, 6)
    assert part(weights, given, "equivariance/first") == pytest.approx(float(nt_xent(acted, seen, 0.2).total))


def test_a_model_without_the_networks_of_the_objective_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no network 'invariance_predictor' of this objective; build it by"):
        CombinedWeights(BYOL(), NoEquivariance()).loss(observed_batch())


@pytest.mark.parametrize(
    ("equivariance", "shares"),
    [(EquiMod(), {"equivariance": 0.25}), (Inverse(inverse=0.3, hidden=16), {"forward": 0.25, "inverse": 0.25 * 0.3})],
)
def test_the_total_is_the_weighted_sum_of_its_terms(equivariance: Equivariance, shares: dict[str, float]) -> None:
    """An equivariance of a single term is a term itself, under its own name."""
    weights = CombinedWeights(NTXent(), equivariance, weight=0.25)
    found = weights.loss(synthetic_observed(weights=weights))
    assert found.terms.keys() == {"invariance", *shares}
    wanted = found.terms["invariance"] + sum(share * found.terms[name] for name, share in shares.items())
    torch.testing.assert_close(found.total, wanted)
