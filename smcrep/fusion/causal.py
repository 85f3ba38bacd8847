"""Causal inference: which of the senses speak of this thing at all, and what they say together."""

import torch
from torch import Tensor

from smcrep.fusion.informative import informative, largest_log_precision
from smcrep.transition import Beliefs

WRONG = 0.1
"""Prior probability that a sense is wrong."""
BREADTH = 1.0
"""Standard deviation of what a sense believes of anything at all, in units of the embedding."""
MOST_SENSES = 10
"""2^m - 1 subsets are visited."""


def causal_inference(beliefs: Beliefs, *, wrong: float = WRONG, breadth: float = BREADTH) -> tuple[Tensor, Tensor]:
    """Mean of the subsets' Gaussian products, each weighted by the posterior that just these senses are right.

    See `subset_posterior` for the model. Means of the subsets are taken under a flat prior of the thing, so that one
    sense alone is what it believes. Where no sense is present the result is zeros.

    Returns fused [..., d] and weight [..., m], the mean over d and over the posterior of each sense's share.
    """
    known = informative(beliefs)
    inliers, posterior = subset_posterior(beliefs, wrong=wrong, breadth=breadth)
    relative = torch.exp(known.log_precision - largest_log_precision(known))
    means, total = _products(known, inliers, relative)
    share = relative * (inliers.T @ (posterior[..., None] / total))
    return (posterior[..., None] * means).sum(-2), share.mean(-1)


def causal_inference_claim(beliefs: Beliefs, *, wrong: float = WRONG, breadth: float = BREADTH) -> Tensor:
    """Log-precision [..., d] by the posterior's second moment: sum_S P(S) (1 / p_Sd + (mean_Sd - fused_d)^2).

    -inf where no sense is present.
    """
    known = informative(beliefs)
    inliers, posterior = subset_posterior(beliefs, wrong=wrong, breadth=breadth)
    largest = largest_log_precision(known)
    means, total = _products(known, inliers, torch.exp(known.log_precision - largest))
    fused = (posterior[..., None] * means).sum(-2, keepdim=True)
    spread = torch.exp(-largest) / total + (means - fused).square()
    some = known.present.any(-1)[..., None]
    variance = torch.where(some, (posterior[..., None] * spread).sum(-2), 1)
    return torch.where(some, -variance.log(), -torch.inf)


def subset_posterior(beliefs: Beliefs, *, wrong: float = WRONG, breadth: float = BREADTH) -> tuple[Tensor, Tensor]:
    """All subsets of senses, and the posterior that those in it are right and the others wrong.

    A sense is wrong with probability ``wrong``. Senses that are right report one x ~ N(0, breadth^2), each with its
    stated precision; a wrong one reports an x of its own. At least one is right. For two senses in one dimension this
    is Koerding et al. (PLoS ONE 2, e943, 2007), with P(common) = (1 - wrong) / (1 + wrong). Against all senses having
    causes of their own, with t = breadth^2 and p_S, mean_S the product over S, a subset's evidence per dimension is

        2 log = sum_S log(1 + t p) - log(1 + t p_S) - sum_S p (mean - mean_S)^2
                - p_S mean_S^2 / (1 + t p_S) + sum_S p mean^2 / (1 + t p)

    Returns inliers [s, m] of 0 and 1 with s = 2^m - 1, and posterior [..., s], 0 for subsets with absent senses.
    """
    m = beliefs.mean.shape[-2]
    if m > MOST_SENSES:
        raise ValueError(f"causal_inference: {m} senses have {2**m - 1} subsets; give at most {MOST_SENSES} senses")
    known = informative(beliefs)
    codes = torch.arange(1, 2**m, device=known.mean.device)
    inliers = ((codes[:, None] >> torch.arange(m, device=known.mean.device)) & 1).to(known.mean)
    precision, t = known.log_precision.exp(), breadth**2
    total = inliers @ precision
    means, _ = _products(known, inliers, precision)

    apart = known.mean[..., None, :, :] - means[..., None, :]  # [..., s, m, d]
    within = torch.einsum("sm,...md,...smd->...s", inliers, precision, apart.square())
    alone = torch.log1p(t * precision) + precision * known.mean.square() / (1 + t * precision)
    together = torch.log1p(t * total) + total * means.square() / (1 + t * total)
    evidence = torch.einsum("sm,...md->...s", inliers, alone) - together.sum(-1) - within

    prior = inliers.sum(-1) * torch.log(torch.tensor((1 - wrong) / wrong, dtype=known.mean.dtype))
    possible = (inliers @ (~known.present).to(known.mean)[..., None])[..., 0] == 0
    some = known.present.any(-1, keepdim=True)
    log_posterior = torch.where(possible | ~some, evidence / 2 + prior, -torch.inf)
    return inliers, torch.where(some, log_posterior.softmax(-1), 0)


def _products(known: Beliefs, inliers: Tensor, precision: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and precision of the product over each subset, both [..., s, d]; 0 and 1 where a subset knows nothing."""
    total = inliers @ precision
    total = torch.where(total > 0, total, 1)
    return inliers @ (precision * known.mean) / total, total
