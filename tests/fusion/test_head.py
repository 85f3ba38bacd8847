"""The head as a rule with weights: laws, p-values, what it saves, and a model that has it."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from smcrep.fusion.directions import QUANTILE
from smcrep.fusion.fit_variance import VarianceFit
from smcrep.fusion.head import MIN_SCORES, DirectionHead, calibrate, fit_head
from smcrep.fusion.precision import precision_weighted
from smcrep.hub import build_model, from_pretrained
from smcrep.models import ModelConfig
from smcrep.testing import assert_fusion_laws
from smcrep.transition import Beliefs
from tests.fusion.test_directions import D, M, noisy, planted

E = 3
"""Numbers of the equivariant part."""


def with_equivariant(mean: torch.Tensor, seed: int = 0) -> Beliefs:
    rest = torch.randn(*mean.shape[:-1], E, generator=torch.Generator().manual_seed(seed))
    whole = torch.cat([mean, rest], -1)
    return Beliefs(whole, torch.zeros_like(whole), torch.ones(mean.shape[:-1], dtype=torch.bool))


@pytest.fixture(scope="module")
def head() -> DirectionHead:
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    clean, thing, _ = planted(generator)
    faulty, _ = noisy(clean, generator)
    others, _, _ = planted(generator)
    head = DirectionHead(M, D, E)
    fit_head(
        head, with_equivariant(clean), with_equivariant(faulty), thing, with_equivariant(others),
        shrinkage=0.1, settings=VarianceFit(steps=500), generator=generator,
    )  # fmt: skip
    return head.eval()


def fresh(seed: int) -> torch.Tensor:
    return planted(torch.Generator().manual_seed(seed))[0]


def test_it_is_a_rule_with_shares_in_which_absence_reaches_nothing() -> None:
    """Not kept: the laws of averages. Each sense has its own place in the embedding; their number is fixed; precision
    is read from how unusual beliefs are, not from what senses claim."""
    torch.manual_seed(0)
    double = DirectionHead(3, 4, 2).double()
    averages = ("one_sense_alone", "order_of_senses", "precision_0", "flat_case", "rotation")
    fixed = ("number_of_senses", "number_types", "opposite_senses")
    assert_fusion_laws(double, num_senses=3, dim=6, breaks=averages + fixed)


@pytest.fixture(autouse=True)
def _without_gradients(request: pytest.FixtureRequest) -> Iterator[None]:
    with torch.set_grad_enabled("rule" in request.node.name or "model" in request.node.name):
        yield


def test_a_noisy_sense_says_less_in_both_parts(head: DirectionHead) -> None:
    clean = fresh(1)
    loud = clean.clone()
    loud[:, 0] += 3 * torch.randn(loud[:, 0].shape, generator=torch.Generator().manual_seed(2))
    given = with_equivariant(loud)
    fused, weight = head(given)
    assert float(weight[:, 0].mean()) < 0.15
    rest = given.mean[..., D:]
    to_quiet, to_loud = ((fused[:, D:] - rest[:, m]).norm(dim=-1).mean() for m in (1, 0))
    assert to_quiet < 0.3 * to_loud
    plain, _ = precision_weighted(replace(given, mean=rest, log_precision=torch.zeros_like(rest)))
    assert (plain - rest[:, 1]).norm(dim=-1).mean() > 2 * to_quiet


def test_clean_embeddings_have_norm_1_and_destroyed_ones_less(head: DirectionHead) -> None:
    clean = with_equivariant(fresh(3))
    norm = head(clean)[0][:, :D].square().sum(-1).mean().sqrt()
    assert float(norm) == pytest.approx(1, abs=0.1)
    destroyed = with_equivariant(
        fresh(3) * 0 + 8 * torch.randn(fresh(3).shape, generator=torch.Generator().manual_seed(4))
    )
    assert float(head(destroyed)[0][:, :D].norm(dim=-1).mean()) < 0.5


def test_p_values_are_uniform_on_other_things_and_small_for_what_was_never_seen(head: DirectionHead) -> None:
    look = head.look(with_equivariant(fresh(5)))
    for p in (look.p_all, look.p_value[:, 0], look.p_value[:, 1]):
        for level in (0.1, 0.5):
            assert float((p <= level).float().mean()) == pytest.approx(level, abs=0.08)
    strange = fresh(5)
    strange[:, 1] = 6 * torch.randn(strange[:, 1].shape, generator=torch.Generator().manual_seed(6))
    look = head.look(with_equivariant(strange))
    assert float(look.p_value[:, 1].max()) <= 0.05
    assert float(look.p_value[:, 0].mean()) > 0.4
    assert float(look.p_all.max()) <= 0.05


def test_swapped_senses_are_unlike_together_and_usual_alone(head: DirectionHead) -> None:
    """Each reading is of a thing, but not of the same."""
    swapped = fresh(7)
    swapped[:, 1] = swapped[:, 1].roll(60, 0)
    look = head.look(with_equivariant(swapped))
    assert float(look.p_all.median()) < 0.01
    assert float(look.p_value.median()) > 0.3


def test_absent_senses_have_no_p_value_and_groups_their_own(head: DirectionHead) -> None:
    given = with_equivariant(fresh(8))
    present = given.present.clone()
    present[:, 1] = False
    look = head.look(replace(given, present=present))
    assert look.p_value[:, 1].isnan().all()
    torch.testing.assert_close(look.p_all, look.p_value[:, 0])
    torch.testing.assert_close(look.p_value[:, 0], head.look(given).p_value[:, 0])
    assert (look.precision[:, 1] == 0).all()
    nothing = head.look(replace(given, present=torch.zeros_like(present)))
    assert nothing.p_all.isnan().all()
    assert (nothing.fused == 0).all()


def test_too_few_observations_of_calibration_are_refused(head: DirectionHead) -> None:
    few = with_equivariant(fresh(9))[: MIN_SCORES - 1]
    with pytest.raises(ValueError, match="calibrate: 19 observations, 0 senses absent; give at least 20"):
        calibrate(head, few, torch.Generator())


def test_what_is_usual_holds_for_the_kind_of_thing_that_varies_most(head: DirectionHead) -> None:
    own = copy.deepcopy(head)
    calm, wild = fresh(10), fresh(11)
    wild[:, 0] += 0.6 * torch.randn(wild[:, 0].shape, generator=torch.Generator().manual_seed(3))
    both = with_equivariant(torch.cat([calm, wild]))
    group = torch.arange(2).repeat_interleave(len(calm))
    calibrate(own, both, torch.Generator(), group=group)
    variance = own.directions.variance(both)
    expected = torch.stack([variance[group == kind].quantile(QUANTILE, 0) for kind in (0, 1)]).amax(0)
    torch.testing.assert_close(own.directions.clean, expected)
    assert float(own.directions.clean[0]) > 1.2 * float(variance[group == 0, 0].quantile(QUANTILE))
    gain = own.directions(with_equivariant(wild)).gain
    assert float((gain == 1).float().mean()) > 0.97
    with pytest.raises(ValueError, match="groups; give one of each"):
        calibrate(own, both, torch.Generator(), group=group[1:])


def test_a_model_with_a_head_is_saved_and_embeds_as_before(tmp_path: Path) -> None:
    torch.manual_seed(0)
    sizes = {"trunk_dim": 8, "invariant_dim": 8, "num_vectors": 1, "num_tensors": 1}
    model = build_model(ModelConfig(senses=("rgb", "points"), fusion="directions", **sizes)).eval()  # type: ignore[arg-type]
    clouds = 0.05 * torch.randn(600, 20, 3) + torch.tensor([0.0, 0.0, 0.5])
    rgb = torch.randint(0, 256, (600, 16, 16, 3), dtype=torch.uint8)
    assert model.embed(rgb=rgb[:2], points=clouds[:2]).p_value.isnan().all()  # type: ignore[union-attr]
    seen = model.embed(rgb=rgb, points=clouds)
    beliefs = seen.beliefs
    torch.testing.assert_close(beliefs.mean[:, 1], seen.senses["points"])
    assert isinstance(model.fuse, DirectionHead)
    fit_head(
        model.fuse, beliefs, beliefs, torch.arange(600) // 6, beliefs,
        shrinkage=0.1, settings=VarianceFit(steps=2), generator=torch.Generator(),
    )  # fmt: skip
    model.save_pretrained(tmp_path)
    again = from_pretrained(tmp_path).embed(rgb=rgb[:5], points=clouds[:5])
    expected = model.embed(rgb=rgb[:5], points=clouds[:5])
    for name in ("fused", "weight", "precision", "p_value"):
        torch.testing.assert_close(getattr(again, name), getattr(expected, name), rtol=0, atol=0)
    assert expected.p_value.isfinite().all()  # type: ignore[union-attr]
