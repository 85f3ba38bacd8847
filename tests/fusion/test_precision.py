"""Laws of the precision-weighted product, against a loop over one-dimensional Gaussians in float64."""

import math
from dataclasses import replace

import pytest
import torch

from smcrep.fusion import equal_precision, precision_weighted
from smcrep.transition import Beliefs


def random_beliefs(seed: int = 0, b: int = 6, m: int = 3, d: int = 5) -> Beliefs:
    g = torch.Generator().manual_seed(seed)
    mean = torch.randn(b, m, d, generator=g, dtype=torch.float64)
    log_precision = 2 * torch.randn(b, m, d, generator=g, dtype=torch.float64)
    present = torch.rand(b, m, generator=g) < 0.6
    present[:, 0] |= ~present.any(1)
    return Beliefs(mean, log_precision, present)


def test_equals_the_product_of_gaussians_multiplied_on_a_grid() -> None:
    """Oracle: densities multiplied pointwise, the mean by quadrature; it knows no formula for the mean."""
    beliefs = random_beliefs(b=3, m=3, d=2)
    fused, _ = precision_weighted(beliefs)
    x = torch.linspace(-40, 40, 200_001, dtype=torch.float64)
    for i in range(3):
        for j in range(2):
            log_density = torch.zeros_like(x)
            for s in range(3):
                if beliefs.present[i, s]:
                    precision = math.exp(beliefs.log_precision[i, s, j].item())
                    log_density -= 0.5 * precision * (x - beliefs.mean[i, s, j]) ** 2
            density = torch.exp(log_density - log_density.max())
            assert fused[i, j].item() == pytest.approx(((x * density).sum() / density.sum()).item(), abs=1e-6)


def test_equals_the_closed_form_in_loops() -> None:
    beliefs = random_beliefs(b=20, m=4, d=7)
    fused, weight = precision_weighted(beliefs)
    for i in range(20):
        shares = [0.0] * 4
        for j in range(7):
            precision = [
                math.exp(beliefs.log_precision[i, s, j].item()) if beliefs.present[i, s] else 0.0 for s in range(4)
            ]
            mean = sum(p * beliefs.mean[i, s, j].item() for s, p in enumerate(precision)) / sum(precision)
            assert fused[i, j].item() == pytest.approx(mean, rel=1e-12, abs=1e-12)
            shares = [share + p / sum(precision) / 7 for share, p in zip(shares, precision, strict=True)]
        assert weight[i].tolist() == pytest.approx(shares, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("fuse", [precision_weighted, equal_precision])
def test_order_of_the_senses_does_not_matter(fuse) -> None:
    beliefs, order = random_beliefs(), torch.tensor([2, 0, 1])
    fused, weight = fuse(beliefs)
    moved = Beliefs(beliefs.mean[:, order], beliefs.log_precision[:, order], beliefs.present[:, order])
    fused_moved, weight_moved = fuse(moved)
    torch.testing.assert_close(fused_moved, fused)
    torch.testing.assert_close(weight_moved, weight[:, order])


@pytest.mark.parametrize("fuse", [precision_weighted, equal_precision])
@pytest.mark.parametrize("junk", [math.nan, math.inf, 1e30])
def test_an_absent_sense_has_weight_0_and_leaks_neither_value_nor_gradient(fuse, junk: float) -> None:
    beliefs = random_beliefs()
    beliefs.present[:, 1] = False
    beliefs.present[:, 0] = True
    expected, _ = fuse(beliefs)
    mean, log_precision = beliefs.mean.clone(), beliefs.log_precision.clone()
    mean[~beliefs.present], log_precision[~beliefs.present] = junk, junk
    mean.requires_grad_(), log_precision.requires_grad_()
    fused, weight = fuse(Beliefs(mean, log_precision, beliefs.present))
    assert torch.equal(fused, expected)
    assert torch.equal(weight[~beliefs.present], torch.zeros_like(weight[~beliefs.present]))
    torch.testing.assert_close(weight.sum(-1), torch.ones(6, dtype=torch.float64))
    (fused.square().sum() + weight[:, 0].sum()).backward()
    for grad in (mean.grad, log_precision.grad):
        if grad is not None:  # the control never reads the precisions
            assert grad.isfinite().all()
            assert (grad[~beliefs.present] == 0).all()


def test_one_sense_alone_is_itself() -> None:
    beliefs = random_beliefs()
    beliefs = replace(beliefs, present=torch.tensor([[False, True, False]]).expand(6, 3))
    assert torch.equal(precision_weighted(beliefs)[0], beliefs.mean[:, 1])


def test_no_sense_at_all_gives_zeros() -> None:
    beliefs = random_beliefs()
    mean = beliefs.mean.requires_grad_()
    fused, weight = precision_weighted(replace(beliefs, mean=mean, present=torch.zeros(6, 3, dtype=torch.bool)))
    fused.sum().backward()
    assert torch.equal(fused, torch.zeros(6, 5, dtype=torch.float64))
    assert torch.equal(weight, torch.zeros(6, 3, dtype=torch.float64))
    assert mean.grad is not None
    assert torch.equal(mean.grad, torch.zeros_like(mean))


@pytest.mark.parametrize("size", [300.0, -300.0])
def test_precisions_beyond_the_range_of_float32_do_not_overflow(size: float) -> None:
    beliefs = Beliefs(torch.tensor([[[1.0], [3.0]]]), torch.full((1, 2, 1), size), torch.ones(1, 2, dtype=torch.bool))
    fused, weight = precision_weighted(beliefs)
    assert fused.item() == pytest.approx(2)
    assert weight.tolist() == [[0.5, 0.5]]


def test_one_precision_for_all_dimensions_broadcasts() -> None:
    beliefs = random_beliefs()
    narrow = replace(beliefs, log_precision=beliefs.log_precision[..., :1])
    wide = replace(beliefs, log_precision=beliefs.log_precision[..., :1].expand(6, 3, 5))
    for a, b in zip(precision_weighted(narrow), precision_weighted(wide), strict=True):
        torch.testing.assert_close(a, b)


def test_leading_axes_are_kept() -> None:
    beliefs = random_beliefs()
    fused, weight = precision_weighted(
        Beliefs(*(t.unflatten(0, (2, 3)) for t in (beliefs.mean, beliefs.log_precision, beliefs.present)))
    )
    assert fused.shape == (2, 3, 5)
    assert weight.shape == (2, 3, 3)
    assert torch.equal(fused.flatten(0, 1), precision_weighted(beliefs)[0])


def test_gradients_are_right() -> None:
    beliefs = random_beliefs(b=2)
    present = beliefs.present

    def run(mean: torch.Tensor, log_precision: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return precision_weighted(Beliefs(mean, log_precision, present))

    assert torch.autograd.gradcheck(run, (beliefs.mean.requires_grad_(), beliefs.log_precision.requires_grad_()))
