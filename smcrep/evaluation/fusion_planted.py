"""Worlds in which the true noise of every sense is known, and what fusion makes of it: no encoder is trained."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.fusion import CLAIMS, RULES, best_linear, best_linear_claim, estimate_correlation
from smcrep.fusion.fit_variance import VarianceFit
from smcrep.fusion.head import DirectionHead, fit_head
from smcrep.fusion.manifold import ManifoldMap, information_at
from smcrep.fusion.method import FitSettings
from smcrep.fusion.precision import precision_weighted
from smcrep.fusion.relevance import ContextualRelevance, fit_relevance
from smcrep.transition import Beliefs

DIM = 16
"""Numbers of a belief; our head keeps so many of two senses together, as many as trained encoders leave to tell things
by."""
RANK = 8
"""Of them that a place takes."""
WITHIN = 0.25
"""Standard deviation of looks at one thing, over that between things."""


@dataclass(frozen=True)
class Noisy:
    """Beliefs [n] of looks at things, as they were and with noise of known ``variance`` [n, m] in every number."""

    clean: Beliefs
    noisy: Beliefs
    variance: Tensor
    thing: Tensor


def noisy_things(
    num_things: int, looks: int, generator: torch.Generator, *, spread: float = 1.5, correlation: float = 0.0
) -> Noisy:
    """Two senses that both know a thing by its place in RANK numbers of variance 1, each with looks of its own. Noise
    in all DIM has the logarithm of its variance normal with deviation ``spread`` about 0, for each look and sense
    alone: the mean weighted by inverse variances is then the best estimate of the place. With a ``correlation`` both
    senses have one look and one variance, and their noise is correlated."""
    places = F.pad(torch.randn(num_things, 1, RANK, generator=generator), (0, DIM - RANK)).expand(-1, 2, -1)
    own = WITHIN * torch.randn(num_things, looks, 2, DIM, generator=generator)
    log_variance = spread * torch.randn(num_things * looks, 2, generator=generator)
    noise = torch.randn(num_things * looks, 2, DIM, generator=generator)
    if correlation:
        own, log_variance = own[:, :, :1].expand_as(own), log_variance[:, :1].expand(-1, 2)
        second = correlation * noise[:, 0] + (1 - correlation**2) ** 0.5 * noise[:, 1]
        noise = torch.stack([noise[:, 0], second], 1)
    clean = (places[:, None] + own).flatten(0, 1)
    variance = log_variance.exp()
    present = torch.ones(clean.shape[:2], dtype=torch.bool)
    log_precision = -(WITHIN**2 + variance).log()[..., None]
    as_it_was = Beliefs(clean, torch.zeros_like(log_precision), present, ("first", "second"))
    noisy = replace(as_it_was, mean=clean + variance.sqrt()[..., None] * noise, log_precision=log_precision)
    return Noisy(as_it_was, noisy, variance, torch.arange(num_things).repeat_interleave(looks))


def fitted_head(data: Noisy, other: Noisy, generator: torch.Generator, *, steps: int = 1500) -> DirectionHead:
    """Our head, fitted to ``data`` and calibrated on the clean looks of ``other``; told which looks are noisy, not how
    much."""
    head = DirectionHead(2, DIM)
    settings = VarianceFit(steps=steps)
    fit_head(head, data.clean, data.noisy, data.thing, other.clean, settings=settings, generator=generator)
    return head.eval()


def claimed_over_true(
    variances: tuple[float, float], correlation: float, generator: torch.Generator
) -> dict[str, float]:
    """Claimed over true variance of each rule in `CLAIMS` but that of directions, and of `best_linear` at the
    correlation estimated from as many other draws, for two senses whose errors are correlated and normal. 1: it has
    what it claims; less: sure of too much."""
    draws, spread = 50_000, torch.tensor(variances, dtype=torch.float64).sqrt()
    first, rest = torch.randn(2, 2 * draws, generator=generator, dtype=torch.float64)
    errors = torch.stack([first, correlation * first + (1 - correlation**2) ** 0.5 * rest], 1) * spread
    log_precision = (-2 * spread.log())[:, None].expand(draws, 2, 1)
    beliefs = Beliefs(errors[:draws, :, None], log_precision, torch.ones(draws, 2, dtype=torch.bool))
    linear = {name: claim for name, claim in CLAIMS.items() if name != "von_mises_fisher"}
    found = {name: _ratio(RULES[name](beliefs)[0], claim(beliefs)) for name, claim in linear.items()}
    known = estimate_correlation(errors[draws:, :, None])
    found["blue, correlation estimated"] = _ratio(best_linear(beliefs, known)[0], best_linear_claim(beliefs, known))
    return found


def _ratio(fused: Tensor, log_claim: Tensor) -> float:
    return float((-log_claim).exp().mean() / fused.square().mean())


@torch.no_grad()
def head_claimed_over_true(head: DirectionHead, data: Noisy) -> float:
    """Of our head, which states a variance of each sense and none of the whole: the mean of its senses' variances by
    weight, which takes nothing off for their number, over the true variance |y' - y|^2 / 2 of the fused direction."""
    inner = head.directions
    fused = inner(data.noisy)
    claimed = (fused.weight * inner.variance(data.noisy)).sum(-1)
    asked, clean = F.normalize(fused.embedding, dim=-1), inner.weighted(data.clean, torch.zeros_like(fused.gain))
    true = (asked - F.normalize(clean.embedding, dim=-1)).square().sum(-1) / 2
    return float(claimed.mean() / true.mean())


@torch.no_grad()
def recognised_things(head: DirectionHead, data: Noisy) -> dict[str, Tensor]:
    """Name of a rule -> float64 [things]: share of the noisy looks at each thing that are nearest, by cosine, to the
    mean of its clean ones. "oracle": inverse of the true variances; "uniform": plain mean of the beliefs; "uniform
    directions": our head's directions, all of one length; "oracle directions": weighed by how far the noise really
    turned each; "ours": as the head weighs them."""
    inner = head.directions
    none = torch.zeros_like(data.variance)
    turned = (inner.directions(data.noisy) - inner.directions(data.clean)).square().sum(-1) / 2
    rules: dict[str, Callable[[Beliefs], Tensor]] = {
        "oracle": lambda beliefs: precision_weighted(beliefs)[0],
        "uniform": lambda beliefs: beliefs.mean.mean(1),
        "uniform directions": lambda beliefs: inner.weighted(beliefs, none).embedding,
        "ours": lambda beliefs: head(beliefs)[0],
    }
    found = {name: _hits(rule(data.clean), rule(data.noisy), data.thing) for name, rule in rules.items()}
    known = inner.weighted(data.noisy, turned).embedding
    return found | {"oracle directions": _hits(inner.weighted(data.clean, none).embedding, known, data.thing)}


def _hits(clean: Tensor, asked: Tensor, thing: Tensor) -> Tensor:
    count = torch.bincount(thing).double()
    means = torch.zeros(len(count), clean.shape[1]).index_add_(0, thing, F.normalize(clean, dim=-1))
    nearest = (F.normalize(asked, dim=-1) @ F.normalize(means, dim=-1).T).argmax(1)
    return torch.bincount(thing, (nearest == thing).double()) / count


def precision_where_seldom(
    fit: Callable[..., ManifoldMap], kept: float, generator: torch.Generator, *, num_units: int = 30
) -> float:
    """Mean precision (`information_at`) along the second half of a bent line in 8 numbers, whose observations have
    noise of deviation .05 everywhere; a share ``kept`` of those of the second half is there."""
    t = 3 * torch.rand(40_000, generator=generator)
    t = t[(t < 1.5) | (torch.rand(len(t), generator=generator) < kept)]
    x = bent_line(t) + 0.05 * torch.randn(len(t), 8, generator=generator)
    found = fit(x, num_units=num_units, dims=1, num_passes=10, generator=generator)
    return float(information_at(found, bent_line(torch.linspace(1.7, 2.8, 40))).mean())


def bent_line(t: Tensor) -> Tensor:
    """[..., 8]: an arc of a helix."""
    return torch.stack([torch.cos(t), torch.sin(t), 0.5 * t, *[0 * t] * 5], -1)


@dataclass(frozen=True)
class Asked:
    """Beliefs [n] of a sense that knows colours and one that knows shapes, what is asked as context [n, 2] (one number
    for the colour, one for the shape), and the answer int64 [n]: colours first, then shapes."""

    beliefs: Beliefs
    context: Tensor
    answer: Tensor


def asked_things(num_each: int, rows: int, generator: torch.Generator) -> Asked:
    """``num_each`` colours and as many shapes, each a place in DIM numbers; noise of each sense as in `noisy_things`,
    stated truly; each question as often."""
    places = torch.randn(2, num_each, DIM, generator=generator)
    value = torch.randint(num_each, (rows, 2), generator=generator)
    variance = torch.randn(rows, 2, generator=generator).exp()
    noise = variance.sqrt()[..., None] * torch.randn(rows, 2, DIM, generator=generator)
    mean = torch.stack([places[0][value[:, 0]], places[1][value[:, 1]]], 1) + noise
    present = torch.ones(rows, 2, dtype=torch.bool)
    question = torch.arange(rows) % 2
    answer = value.gather(1, question[:, None])[:, 0] + num_each * question
    beliefs = Beliefs(mean, -variance.log()[..., None], present, ("colour", "form"))
    return Asked(beliefs, F.one_hot(question, 2).float(), answer)


def fitted_relevance(data: Asked, generator: torch.Generator, *, steps: int = 400) -> ContextualRelevance:
    relevance, settings = ContextualRelevance(2, 2), FitSettings(lr=2e-2, steps=steps, batch=256)
    fit_relevance(relevance, data.beliefs, data.context, data.answer, settings, generator=generator)
    return relevance


@torch.no_grad()
def answered(relevance: ContextualRelevance, data: Asked, num_each: int) -> dict[str, Tensor]:
    """Name of a rule -> float64 [answers]: share of the second half of the rows that are nearest, by cosine, to the
    mean of the first half's rows of their answer among the answers to the same question."""
    half = len(data.answer) // 2
    found = {}
    for name, fused in {
        "contextual": relevance(data.beliefs, data.context)[0],
        "precision": precision_weighted(data.beliefs)[0],
    }.items():
        y = F.normalize(fused, dim=-1)
        means = torch.zeros(2 * num_each, DIM).index_add_(0, data.answer[:half], y[:half])
        cosine = y[half:] @ F.normalize(means, dim=-1).T
        same = (torch.arange(2 * num_each) >= num_each) == (data.answer[half:] >= num_each)[:, None]
        right = cosine.masked_fill(~same, -2).argmax(1) == data.answer[half:]
        count = torch.bincount(data.answer[half:], minlength=2 * num_each)
        found[name] = torch.bincount(data.answer[half:], right.double(), minlength=2 * num_each) / count
    return found
