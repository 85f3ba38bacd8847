"""The joint objective: which terms it holds, planted solutions, absent senses, a dropped-in loss."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from lightly.loss import NTXentLoss
from torch import Tensor

from smcrep.objectives.equivariant import equivariant_contrast
from smcrep.objectives.instance_contrast import instance_contrast
from smcrep.objectives.nt_xent import nt_xent
from smcrep.objectives.pairs import Pairs, all_pairs
from smcrep.objectives.sensorimotor import SensorimotorWeights, sensorimotor
from smcrep.transition import Beliefs, Loss

B, V, DI, DE = 5, 3, 6, 4
NAMES = ("rgb", "points")
WEIGHTS = SensorimotorWeights(equivariant_temperature=0.02)


def beliefs(mean: Tensor, present: Tensor | None = None) -> Beliefs:
    present = torch.ones(mean.shape[:3], dtype=torch.bool) if present is None else present
    return Beliefs(mean, torch.zeros(*mean.shape[:3], 1), present, NAMES)


def random_mean(seed: int = 0) -> Tensor:
    return torch.randn(B, V, 2, DI + DE, generator=torch.Generator().manual_seed(seed))


def copy(_: str, source: Tensor) -> Tensor:
    return source


def loss(
    mean: Tensor,
    *,
    present: Tensor | None = None,
    predict: Callable[[str, Tensor], Tensor] = copy,
    project: Callable[[Tensor], Tensor] = lambda z: z,
    pairs: Pairs | None = None,
    weights: SensorimotorWeights = WEIGHTS,
    invariance: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Loss:
    held = beliefs(mean, present)
    fused = (held.mean * held.present[..., None]).sum(2)
    pairs = all_pairs(B, V) if pairs is None else pairs
    return sensorimotor(held, fused, predict, project, pairs, weights, num_invariant=DI, invariance=invariance)


def test_every_term_is_there_and_the_total_is_the_weighted_sum_of_group_means() -> None:
    weights = replace(WEIGHTS, invariant=0.5, equivariant=2.0, cross_modal=3.0, fused=0.25)
    found = loss(random_mean(), weights=weights)
    p = {name: float(value) for name, value in found.parts.items()}
    assert set(p) == {
        *("invariant/rgb", "invariant/points", "equivariant/rgb", "equivariant/points"),
        *("equivariant/rgb>points", "equivariant/points>rgb", "invariant/fused", "equivariant/fused", "floor"),
    }
    wanted = 0.5 * (p["invariant/rgb"] + p["invariant/points"]) / 2
    wanted += 2.0 * (p["equivariant/rgb"] + p["equivariant/points"]) / 2
    wanted += 3.0 * (p["equivariant/rgb>points"] + p["equivariant/points>rgb"]) / 2
    wanted += 0.25 * (p["invariant/fused"] + p["equivariant/fused"]) / 2
    assert float(found.total) == pytest.approx(wanted, rel=1e-5)
    assert p["floor"] == pytest.approx(math.log(2))


def test_terms_are_those_losses_on_those_parts_of_the_latent() -> None:
    mean, pairs = random_mean(), all_pairs(B, V)
    found = loss(mean, predict=lambda sense, z: 2 * z.roll(1, 1), project=lambda z: z[:, :3])
    z = mean[..., :3]
    everywhere = torch.ones(B, V, dtype=torch.bool)
    views = z[:, :, 1]
    own = instance_contrast(views, everywhere, WEIGHTS.invariant_temperature)
    assert own is not None
    assert found.parts["invariant/points"] == pytest.approx(float(own.total), rel=1e-5)
    rgb, points = mean[:, :, 0, DI:].flatten(0, 1), mean[:, :, 1, DI:].flatten(0, 1)
    cross = equivariant_contrast(
        rgb[pairs.source].roll(1, 1), points, pairs.positive, pairs.allowed, WEIGHTS.equivariant_temperature
    )
    assert found.parts["equivariant/rgb>points"] == pytest.approx(float(cross.total), rel=1e-5)


def test_a_group_of_weight_0_is_left_out_and_its_predictor_never_called() -> None:
    called: list[str] = []

    def predict(sense: str, source: Tensor) -> Tensor:
        called.append(sense)
        return source

    weights = replace(WEIGHTS, cross_modal=0, equivariant=0)
    found = loss(random_mean(), predict=predict, weights=weights)
    assert called == ["fused"]
    assert not any(">" in name and name.startswith("equivariant") for name in found.parts)


def planted() -> Tensor:
    """Invariant part: the state. Equivariant part: state and view, the same in both senses."""
    mean = torch.zeros(B, V, 2, DI + B * V)
    for s in range(B):
        mean[s, :, :, s] = 1
        for v in range(V):
            mean[s, v, :, DI + s * V + v] = 1
    return mean


def test_the_planted_solution_reaches_zero_and_the_blind_one_the_floor() -> None:
    mean, pairs = planted(), all_pairs(B, V)
    outcome = mean[:, :, 0, DI:].flatten(0, 1)
    weights = replace(WEIGHTS, invariant_temperature=0.02)
    seeing = loss(mean, predict=lambda _, z: outcome[pairs.positive], weights=weights)
    assert float(seeing.total) < 1e-4
    blind = mean.clone()
    blind[..., DI:] = torch.nn.functional.pad(mean[..., :DI], (0, B * V - DI))  # the state and nothing else
    found = loss(blind, weights=weights)
    for term in ("rgb", "points", "rgb>points", "points>rgb", "fused"):
        assert float(found.parts[f"equivariant/{term}"]) == pytest.approx(float(found.parts["floor"]), abs=1e-4)


def test_without_same_state_negatives_the_blind_solution_is_a_minimiser() -> None:
    blind = torch.eye(B)[:, None, None].expand(B, V, 2, B).repeat(1, 1, 1, 2)
    held = beliefs(blind)
    pairs = all_pairs(B, V, same_state_negatives=False)
    weights = replace(WEIGHTS, invariant_temperature=0.02)
    found = sensorimotor(held, blind[:, :, 0], copy, lambda z: z, pairs, weights, num_invariant=B)
    assert float(found.total) < 1e-4
    assert float(found.parts["floor"]) == 0


def test_an_absent_observation_has_no_influence() -> None:
    present = torch.ones(B, V, 2, dtype=torch.bool)
    present[1, 2, 0] = present[3, 0, 1] = present[4, :, 0] = False
    mean, other = random_mean(), random_mean(1)
    changed = torch.where(present[..., None], mean, other)
    assert not torch.equal(mean, changed)
    torch.testing.assert_close(loss(changed, present=present), loss(mean, present=present), rtol=0, atol=0)
    changed.requires_grad_()
    (gradient,) = torch.autograd.grad(loss(changed, present=present).total, changed)
    assert not gradient[~present].any()
    assert gradient[present].any(-1).all()


def test_the_floor_counts_only_what_is_present() -> None:
    """Three views, of which one sense misses one in every state: of its two outcomes one is left, and the term of that
    sense can reach 0 without the action. A blind predictor reaches that, so a floor of log 2 would be false."""
    present = torch.ones(B, V, 2, dtype=torch.bool)
    present[:, 2, 0] = False
    state = torch.eye(B)[:, None, None].expand(B, V, 2, B)  # knows the state, and nothing of the action
    blind = torch.cat([torch.zeros(B, V, 2, DI), state], -1)
    found = loss(blind, present=present)
    assert float(found.parts["floor"]) == 0
    assert float(found.parts["equivariant/rgb"]) == pytest.approx(0, abs=1e-3)
    assert float(found.parts["equivariant/points"]) == pytest.approx(math.log(2), abs=1e-3)


def test_a_sense_that_is_absent_everywhere_leaves_its_terms_out() -> None:
    present = torch.ones(B, V, 2, dtype=torch.bool)
    present[..., 1] = False
    found = loss(random_mean(), present=present)
    assert set(found.parts) == {"invariant/rgb", "equivariant/rgb", "invariant/fused", "equivariant/fused", "floor"}


def test_a_loss_of_two_views_drops_in_and_sees_each_view_with_the_next() -> None:
    mean = random_mean()
    theirs = loss(mean, invariance=NTXentLoss(temperature=0.3))
    z = mean[:, :, 0, :DI]
    wanted = [float(nt_xent(z[:, i], z[:, (i + 1) % V], 0.3).total) for i in range(V)]
    assert float(theirs.parts["invariant/rgb"]) == pytest.approx(sum(wanted) / V, rel=1e-5)


def test_of_two_views_ours_is_theirs() -> None:
    mean, pairs = random_mean()[:, :2], all_pairs(B, 2)
    theirs = loss(mean, pairs=pairs, invariance=NTXentLoss(temperature=WEIGHTS.invariant_temperature))
    torch.testing.assert_close(theirs.total, loss(mean, pairs=pairs).total)


def test_two_views_are_paired_once() -> None:
    mean = random_mean()[:, :2]
    found = loss(mean, pairs=all_pairs(B, 2))
    z = mean[:, :, 0, :DI]
    assert found.parts["invariant/rgb"] == pytest.approx(
        float(nt_xent(z[:, 0], z[:, 1], WEIGHTS.invariant_temperature).total), rel=1e-5
    )


def test_the_order_of_states_does_not_matter() -> None:
    mean = random_mean()
    order = torch.tensor([3, 1, 4, 0, 2])
    assert float(loss(mean[order]).total) == pytest.approx(float(loss(mean).total), rel=1e-5)


def test_beliefs_without_names_are_refused() -> None:
    held = replace(beliefs(random_mean()), names=())
    with pytest.raises(ValueError, match="one name a sense"):
        sensorimotor(held, held.mean[:, :, 0], copy, copy, all_pairs(B, V), WEIGHTS, num_invariant=DI)  # type: ignore[arg-type]


def test_by_default_all_terms_count_alike() -> None:
    weights = SensorimotorWeights()
    assert {weights.invariant, weights.equivariant, weights.cross_modal, weights.fused} == {1.0}
