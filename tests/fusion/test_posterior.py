"""Fusion by the posterior: against the closed form on planted readings, and where senses are noisy, absent, broken."""

import pytest
import torch
from torch import Tensor
from torch.nn import Linear

from smcrep.fusion.fit_variance import VarianceFit, fit_variance
from smcrep.fusion.posterior import PosteriorFusion, fit_moments
from smcrep.fusion.variance import CEILING, FLOOR, beta_nll
from smcrep.transition import Beliefs

M, D, Q = 2, 16, 5
NUM_THINGS, LOOKS = 120, 6


def planted(generator: torch.Generator, num: int = NUM_THINGS, looks: int = LOOKS) -> tuple[Tensor, Tensor, Tensor]:
    """clean [n, m, d], thing [n], y [n, Q]: each sense reads y by its own matrix, with noise that senses share."""
    matrices = torch.randn(M, D, Q, generator=torch.Generator().manual_seed(7))
    thing = torch.arange(num).repeat_interleave(looks)
    y = torch.randn(num, Q, generator=generator)[thing]
    shared = 0.2 * torch.randn(len(thing), D, generator=generator)
    own = 0.2 * torch.randn(len(thing), M, D, generator=generator)
    return torch.einsum("mdq,nq->nmd", matrices, y) + shared[:, None] + own, thing, y


def beliefs(mean: Tensor, present: Tensor | None = None) -> Beliefs:
    if present is None:
        present = torch.ones(mean.shape[:-1], dtype=torch.bool)
    return Beliefs(mean, torch.zeros_like(mean), present)


def noisy(mean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Readings with noise on half of them, and its standard deviation [n, m]."""
    sigma = 3 * torch.rand(mean.shape[:2], generator=generator)
    sigma = sigma * (torch.rand(sigma.shape, generator=generator) < 0.5)
    return mean + sigma[..., None] * torch.randn(mean.shape, generator=generator), sigma


@pytest.fixture(scope="module")
def fitted() -> PosteriorFusion:
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    clean, thing, _ = planted(generator)
    fusion = PosteriorFusion(M, D, num_reading=D, num_out=M * D)
    fit_moments(fusion, beliefs(clean), thing)
    many = clean.repeat(4, 1, 1)
    fit_variance(fusion, beliefs(many), beliefs(noisy(many, generator)[0]), VarianceFit(steps=800), generator)
    return fusion.eval()


def nearest(
    fusion: PosteriorFusion, clean: Tensor, thing: Tensor, queries: Beliefs, variance: float | None = None
) -> float:
    """Share of queries whose nearest mean of a thing, by cosine, is their own; all faults of that ``variance``."""
    with torch.no_grad():
        gallery, found = fusion(beliefs(clean)).embedding, fusion(queries).embedding
        if variance is not None:
            same = torch.full(queries.present.shape, variance)
            found = fusion.posterior(fusion.readings(queries), same, queries.present).embedding
    means = torch.zeros(int(thing.max()) + 1, gallery.shape[1]).index_add_(0, thing, gallery)
    scores = torch.nn.functional.normalize(found, dim=-1) @ torch.nn.functional.normalize(means, dim=-1).mT
    return float((scores.argmax(-1) == thing).float().mean())


def test_posterior_is_the_closed_form_of_the_joint_gaussian(fitted: PosteriorFusion) -> None:
    """E[c | x] by blocks of one joint covariance in double precision, the second sense absent, the first noisy."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, M, D, generator=generator, dtype=torch.float64)
    variance = torch.tensor([[0.5, torch.inf], [2.0, 0.1], [0.0, 7.0]], dtype=torch.float64)
    present = variance.isfinite()
    double = PosteriorFusion(M, D, num_reading=D, num_out=M * D).double()
    double.load_state_dict(fitted.state_dict())
    found = double.posterior(x, variance, present)
    between, within, fault, out = (getattr(double, name) for name in ("between", "within", "fault", "out"))
    for i in range(3):
        seen = [j for m in range(M) if present[i, m] for j in range(m * D, (m + 1) * D)]
        noise = torch.cat([variance[i, m] * fault[m] for m in range(M) if present[i, m]])
        covariance = (between + within)[seen][:, seen] + torch.diag(noise)
        expected = out.T @ between[:, seen] @ torch.linalg.inv(covariance) @ x[i].flatten()[seen]
        torch.testing.assert_close(found.embedding[i], expected)
        left = between - between[:, seen] @ torch.linalg.inv(covariance) @ between[seen]
        share = (out.T @ left @ out).trace() / (out.T @ between @ out).trace()
        torch.testing.assert_close(found.claimed[i], share)


def test_coordinates_are_white_within_things_and_ordered(fitted: PosteriorFusion) -> None:
    eye = torch.eye(M * D)
    torch.testing.assert_close(fitted.out.T @ fitted.within @ fitted.out, eye, atol=1e-3, rtol=0)
    between = (fitted.out.T @ fitted.between @ fitted.out).diagonal()
    assert (between.diff() <= 1e-3).all()
    assert (between[Q:] < 0.25 * between[Q - 1]).all()  # what is there has Q numbers; the rest is shrinkage


def test_moments_are_those_planted(fitted: PosteriorFusion) -> None:
    """The senses' errors are correlated at 1/2, and the estimate says so."""
    inverse = torch.linalg.inv(fitted.reduce)
    d = [
        inverse[m].T @ fitted.within[m * D : (m + 1) * D, o * D : (o + 1) * D] @ inverse[o] for m, o in ((0, 0), (0, 1))
    ]
    assert float(d[0].diagonal().mean()) == pytest.approx(0.08, rel=0.1)
    assert float(d[1].diagonal().mean()) == pytest.approx(0.04 * 0.9, rel=0.15)


def test_variance_follows_the_noise(fitted: PosteriorFusion) -> None:
    generator = torch.Generator().manual_seed(2)
    clean, _, _ = planted(generator)
    faulty, sigma = noisy(clean, generator)
    with torch.no_grad():
        found = fitted(beliefs(faulty))
    for m in range(M):
        both = torch.stack([found.variance[:, m].argsort().argsort(), sigma[:, m].argsort().argsort()]).float()
        loud = sigma[:, m] > 0.3
        assert float(torch.corrcoef(both[:, loud])[0, 1]) > 0.8
    louder = sigma[:, 0] > sigma[:, 1] + 1
    assert float(found.weight[louder, 0].mean()) < 0.2


def test_noise_never_costs_more_than_the_better_sense_gives(fitted: PosteriorFusion) -> None:
    generator = torch.Generator().manual_seed(3)
    clean, thing, _ = planted(generator)
    alone = [torch.ones(len(clean), M, dtype=torch.bool) for _ in range(M)]
    for m in range(M):
        alone[m][:, 1 - m] = False
    both = nearest(fitted, clean, thing, beliefs(clean))
    single = [nearest(fitted, clean, thing, beliefs(clean, alone[m])) for m in range(M)]
    assert both >= max(single)
    for m in range(M):
        broken = clean.clone()
        broken[:, m] += 3 * torch.randn(clean[:, m].shape, generator=generator)
        assert nearest(fitted, clean, thing, beliefs(broken)) > single[1 - m] - 0.02
        # One variance for all: what the heads have to beat.
        assert nearest(fitted, clean, thing, beliefs(broken), variance=0.05) < single[1 - m] - 0.2


def test_all_destroyed_is_nothing_in_particular(fitted: PosteriorFusion) -> None:
    clean, _, _ = planted(torch.Generator().manual_seed(4))
    x = fitted.readings(beliefs(clean))
    present = torch.ones(x.shape[:2], dtype=torch.bool)
    usual = fitted.posterior(x, torch.zeros(x.shape[:2]), present)
    lost = fitted.posterior(x, torch.full(x.shape[:2], CEILING), present)
    assert lost.embedding.norm(dim=-1).mean() < 0.02 * usual.embedding.norm(dim=-1).mean()
    assert lost.claimed.min() > 0.99
    assert usual.claimed.max() < 0.1
    nothing = fitted(beliefs(clean, torch.zeros_like(present)))
    assert (nothing.embedding == 0).all()
    assert (nothing.weight == 0).all()
    torch.testing.assert_close(nothing.claimed, torch.ones(len(clean)))


def test_what_an_absent_sense_holds_reaches_nothing(fitted: PosteriorFusion) -> None:
    clean, _, _ = planted(torch.Generator().manual_seed(5), num=4)
    present = torch.ones(len(clean), M, dtype=torch.bool)
    present[:, 1] = False
    poisoned = clean.clone()
    poisoned[:, 1] = torch.nan
    poisoned.requires_grad_()
    found = fitted(beliefs(poisoned, present))
    assert torch.equal(found.embedding, fitted(beliefs(clean, present)).embedding)
    (gradient,) = torch.autograd.grad(found.embedding.square().sum(), poisoned)
    assert gradient.isfinite().all()
    assert (gradient[:, 1] == 0).all()


def test_visits_do_not_make_a_place_precise(fitted: PosteriorFusion) -> None:
    """The same noise, half of the things visited ten times as often in training: their variance stays."""
    generator = torch.Generator().manual_seed(6)
    torch.manual_seed(1)
    clean, _, y = planted(generator)
    side = y[:, 0] > 0
    often = torch.cat([clean, clean[side].repeat(9, 1, 1)])
    again = PosteriorFusion(M, D, num_reading=D, num_out=M * D)
    again.load_state_dict(fitted.state_dict())
    for layer in (module for module in again.heads.modules() if isinstance(module, Linear)):
        layer.reset_parameters()
    many = often.repeat(2, 1, 1)
    faulty = many + torch.randn(many.shape, generator=generator)
    fit_variance(again, beliefs(many), beliefs(faulty), VarianceFit(steps=400), generator)
    loud = clean + torch.randn(clean.shape, generator=generator)
    with torch.no_grad():
        found = again(beliefs(loud)).variance.log().mean(-1)
    assert abs(float(found[side].mean() - found[~side].mean())) < 0.15


def test_beta_nll_by_hand() -> None:
    error, variance = torch.tensor([2.0]), torch.tensor([4.0], requires_grad=True)
    assert beta_nll(error, variance, 0.0).item() == pytest.approx(0.5 * (1 + 1.3862944))
    weighted = beta_nll(error, variance, 0.5)
    assert weighted.item() == pytest.approx(2 * 0.5 * (1 + 1.3862944))
    (slope,) = torch.autograd.grad(weighted, variance)
    assert float(slope) == pytest.approx(2 * 0.5 * (1 / 4 - 4 / 16))  # 0 where the variance is the squared error
    assert FLOOR < 1 < CEILING


def test_input_that_cannot_be_fitted_is_refused() -> None:
    fusion, mean = PosteriorFusion(M, D), torch.randn(6, M, D)
    absent = torch.ones(6, M, dtype=torch.bool)
    absent[0, 0] = False
    with pytest.raises(ValueError, match="a sense is absent in some beliefs"):
        fit_moments(fusion, beliefs(mean, absent), torch.arange(6) // 2)
    with pytest.raises(ValueError, match="6 things with 1 looks at the least; give at least 3 with 2 each"):
        fit_moments(fusion, beliefs(mean), torch.arange(6))
    with pytest.raises(ValueError, match="give the same observations in the same order"):
        fit_variance(fusion, beliefs(mean), beliefs(mean[:3]), VarianceFit(), torch.Generator())
