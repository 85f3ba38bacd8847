"""CLIP equals its two cross-entropies in loops and a lecture's worked example, and reads log n at collapse."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch

from smcrep.objectives.clip import CLIPWeights, clip, clip_terms
from smcrep.testing import assert_objective_laws
from smcrep.testing.objectives import synthetic_observed
from tests import laws


@pytest.mark.parametrize(
    "law",
    [
        laws.finite_gradient,
        laws.ignores_batch_order,
        laws.symmetric,
        laws.ignores_scale,
        laws.ignores_rotation,
        laws.punishes_constant,
        laws.prefers_agreement,
        laws.parts_are_detached,
    ],
)
def test_laws(law) -> None:
    law(partial(clip, temperature=0.3))


def test_worked_example_of_a_lecture() -> None:
    """Dot products ((.98, .14), (.98, -.14)) at temperature .07: the terms of both images are ~0 and 16.0, those of
    both texts .693 and 4.02. (The lecture prints 4.0 for the second image, which its own dot products do not give:
    (.98 + .14) / .07 = 16.)"""
    of_images, of_texts = clip_terms(torch.tensor([[0.98, 0.14], [0.98, -0.14]]), 0.07)
    assert of_images.tolist() == pytest.approx([math.log1p(math.exp(-12)), 16.0], abs=1e-4)
    assert of_texts.tolist() == pytest.approx([math.log(2), math.log1p(math.exp(4))], abs=1e-4)
    assert of_texts.tolist() == pytest.approx([0.693, 4.02], abs=5e-3)


def test_equals_the_sum_written_out() -> None:
    za, zb = laws.embeddings(n=4)
    cosines = [[float(a @ b / (a.norm() * b.norm())) / 0.2 for b in zb] for a in za]
    total = 0.0
    for i in range(4):
        total += math.log(sum(math.exp(s) for s in cosines[i])) - cosines[i][i]
        total += math.log(sum(math.exp(row[i]) for row in cosines)) - cosines[i][i]
    assert float(clip(za, zb, 0.2).total) == pytest.approx(total / 8)


def test_collapse_reads_log_n() -> None:
    assert float(clip(torch.ones(5, 3), torch.ones(5, 3), 0.1).total) == pytest.approx(math.log(5))
    assert_objective_laws(CLIPWeights(), at_constant=math.log(5))


def test_gradient_is_that_of_finite_differences() -> None:
    za, zb = (x.clone().requires_grad_() for x in laws.embeddings(n=4, d=3))
    assert torch.autograd.gradcheck(lambda a, b: clip(a, b, 0.2).total, (za, zb))


def test_objective_aligns_the_senses_view_by_view_and_not_the_fused() -> None:
    given = synthetic_observed()
    a, b = (given.project(given.latents()[sense].detach()[..., :4]) for sense in ("first", "second"))
    wanted = sum(float(clip(a[:, i], b[:, i], 0.07).total) for i in range(4)) / 4
    found = CLIPWeights().loss(given)
    assert set(found.parts) == {"clip/first>second"}
    assert float(found.total.detach()) == pytest.approx(wanted)
    assert CLIPWeights().fused_only() is None


def test_a_single_sense_is_refused() -> None:
    given = synthetic_observed()
    beliefs = replace(given.beliefs[:, :, :1], names=("first",))
    with pytest.raises(
        ValueError, match="clip: the model has the sense first alone; this objective aligns at least two"
    ):
        CLIPWeights().loss(replace(given, beliefs=beliefs))
