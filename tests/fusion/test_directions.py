"""Weighted directions: their formula, what is planted in beliefs, and where senses are noisy, absent, broken."""

import pytest
import torch
from torch import Tensor
from torch.nn import Linear

from smcrep.fusion.directions import LEAST, QUANTILE, WeightedDirections, fit_directions
from smcrep.fusion.fit_variance import VarianceFit, fit_variance
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
def fitted() -> WeightedDirections:
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    clean, thing, _ = planted(generator)
    fusion = WeightedDirections(M, D)
    fit_directions(fusion, beliefs(clean), thing, shrinkage=0.1)
    many = clean.repeat(4, 1, 1)
    fit_variance(fusion, beliefs(many), beliefs(noisy(many, generator)[0]), VarianceFit(steps=800), generator)
    return fusion.eval()


def nearest(
    fusion: WeightedDirections, clean: Tensor, thing: Tensor, queries: Beliefs, fault: float | None = None
) -> float:
    """Share of queries whose nearest mean of a thing, by cosine, is their own; all faults of that variance."""
    with torch.no_grad():
        gallery, found = fusion(beliefs(clean)).embedding, fusion(queries).embedding
        if fault is not None:
            found = fusion.weighted(queries, torch.full(queries.present.shape, fault)).embedding
    means = torch.zeros(int(thing.max()) + 1, gallery.shape[1]).index_add_(0, thing, gallery)
    scores = torch.nn.functional.normalize(found, dim=-1) @ torch.nn.functional.normalize(means, dim=-1).mT
    return float((scores.argmax(-1) == thing).float().mean())


@torch.no_grad()
def test_the_cosine_of_embeddings_is_the_weighted_mean_of_the_senses_cosines(fitted: WeightedDirections) -> None:
    """y . y' = sum_m a_m a'_m cos_m / M, with a = (1 - v) w / (w + v) by hand."""
    clean, _, _ = planted(torch.Generator().manual_seed(1), num=4)
    fault = torch.tensor([[0.0, 0.3], [0.5, torch.inf], [2.0, 0.0], [0.1, 0.9]]).repeat_interleave(LOOKS, 0)
    given = beliefs(clean, fault.isfinite())
    found, u = fitted.weighted(given, fault), fitted.directions(given)
    v, w = fault.where(fault.isfinite(), torch.zeros(())), fitted.within
    expected = ((1 - v) / (1 + v / w)).clamp(min=LEAST) * given.present
    torch.testing.assert_close(found.gain, expected)
    cosines = torch.einsum("imp,jmp->ijm", u, u)
    both = (expected[:, None] * expected * cosines).sum(-1) / M
    torch.testing.assert_close(found.embedding @ found.embedding.mT, both, atol=1e-6, rtol=0)
    torch.testing.assert_close(found.weight, expected / expected.sum(-1, keepdim=True))


@torch.no_grad()
def test_looks_at_a_thing_vary_alike_in_all_directions(fitted: WeightedDirections) -> None:
    """White within things up to the shrinkage, and ``within`` is the mean of 1 - cos over their pairs, in loops."""
    clean, _, _ = planted(torch.Generator().manual_seed(0))
    x = torch.einsum("nmd,mdp->nmp", clean - clean.mean(0), fitted.turn)
    for m in range(M):
        own = x[:, m].unflatten(0, (NUM_THINGS, LOOKS))
        left = (own - own.mean(1, keepdim=True)).flatten(0, 1)
        spread = torch.linalg.eigvalsh(left.mT @ left / (len(left) - NUM_THINGS))
        assert spread.max() < 1.3
        assert spread.min() > 0.7
    u = fitted.directions(beliefs(clean))
    for m in range(M):
        pairs = [
            1 - float(u[i, m] @ u[j, m])
            for t in range(NUM_THINGS)
            for i in range(t * LOOKS, t * LOOKS + LOOKS)
            for j in range(i + 1, t * LOOKS + LOOKS)
        ]
        assert float(fitted.within[m]) == pytest.approx(sum(pairs) / len(pairs), rel=1e-3)


@torch.no_grad()
def test_variance_is_that_of_the_fault(fitted: WeightedDirections) -> None:
    """Against |u' - u|^2 / 2 of the same observations: in rank, and in size."""
    generator = torch.Generator().manual_seed(2)
    clean, _, _ = planted(generator)
    faulty, sigma = noisy(clean, generator)
    found = fitted.variance(beliefs(faulty))
    true = (fitted.directions(beliefs(faulty)) - fitted.directions(beliefs(clean))).square().sum(-1) / 2
    for m in range(M):
        ranks = torch.stack([found[:, m].argsort().argsort(), sigma[:, m].argsort().argsort()]).float()
        loud = sigma[:, m] > 0.3
        assert float(torch.corrcoef(ranks[:, loud])[0, 1]) > 0.8
        assert float(found[loud, m].mean() / true[loud, m].mean()) == pytest.approx(1, abs=0.25)


@torch.no_grad()
def test_clean_readings_are_taken_as_they_are(fitted: WeightedDirections) -> None:
    clean, _, _ = planted(torch.Generator().manual_seed(8))
    gain = fitted(beliefs(clean)).gain
    assert float((gain == 1).float().mean()) == pytest.approx(QUANTILE, abs=0.02)


def test_noise_never_costs_more_than_the_better_sense_gives(fitted: WeightedDirections) -> None:
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
        broken[:, m] += 6 * torch.randn(clean[:, m].shape, generator=generator)
        assert nearest(fitted, clean, thing, beliefs(broken)) > single[1 - m] - 0.02
        # No fault in any: what the heads have to beat.
        assert nearest(fitted, clean, thing, beliefs(broken), fault=0.0) < single[1 - m] - 0.1


@torch.no_grad()
def test_all_destroyed_is_nothing_in_particular(fitted: WeightedDirections) -> None:
    clean, _, _ = planted(torch.Generator().manual_seed(4))
    given = beliefs(clean)
    usual, lost = (fitted.weighted(given, torch.full((len(clean), M), v)) for v in (0.0, CEILING))
    torch.testing.assert_close(usual.embedding.norm(dim=-1), torch.ones(len(clean)))
    torch.testing.assert_close(lost.embedding.norm(dim=-1), torch.full((len(clean),), LEAST))
    nothing = fitted(beliefs(clean, torch.zeros_like(given.present)))
    assert (nothing.embedding == 0).all()
    assert (nothing.weight == 0).all()


def test_what_an_absent_sense_holds_reaches_nothing(fitted: WeightedDirections) -> None:
    clean, _, _ = planted(torch.Generator().manual_seed(5), num=4)
    present = torch.ones(len(clean), M, dtype=torch.bool)
    present[:, 1] = False
    poisoned = clean.clone()
    poisoned[:, 1] = torch.nan
    poisoned.requires_grad_()
    found = fitted(beliefs(poisoned, present))
    assert torch.equal(found.embedding, fitted(beliefs(clean, present)).embedding)
    (gradient,) = torch.autograd.grad(found.embedding.sum(), poisoned)
    assert gradient.isfinite().all()
    assert (gradient[:, 1] == 0).all()


def test_visits_do_not_make_a_place_precise(fitted: WeightedDirections) -> None:
    """The same noise, half of the things visited ten times as often in training: their variance stays."""
    generator = torch.Generator().manual_seed(6)
    torch.manual_seed(1)
    clean, _, y = planted(generator)
    side = y[:, 0] > 0
    often = torch.cat([clean, clean[side].repeat(9, 1, 1)])
    again = WeightedDirections(M, D)
    again.load_state_dict(fitted.state_dict())
    for layer in (module for module in again.heads.modules() if isinstance(module, Linear)):
        layer.reset_parameters()
    many = often.repeat(2, 1, 1)
    faulty = many + torch.randn(many.shape, generator=generator)
    fit_variance(again, beliefs(many), beliefs(faulty), VarianceFit(steps=400), generator)
    loud = clean + torch.randn(clean.shape, generator=generator)
    with torch.no_grad():
        found = again.variance(beliefs(loud)).log().mean(-1)
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
    fusion, mean = WeightedDirections(M, D), torch.randn(6, M, D)
    absent = torch.ones(6, M, dtype=torch.bool)
    absent[0, 0] = False
    with pytest.raises(ValueError, match="a sense is absent in some beliefs"):
        fit_directions(fusion, beliefs(mean, absent), torch.arange(6) // 2)
    with pytest.raises(ValueError, match="6 things with 1 looks at the least; give at least 3 with 2 each"):
        fit_directions(fusion, beliefs(mean), torch.arange(6))
    with pytest.raises(ValueError, match="give the same observations in the same order"):
        fit_variance(fusion, beliefs(mean), beliefs(mean[:3]), VarianceFit(), torch.Generator())
    with pytest.raises(ValueError, match="1 numbers for 2 senses; give at least one of each"):
        WeightedDirections(M, D, num_out=1)
