"""Best linear unbiased estimate: the product of Gaussians for senses whose errors are correlated."""

from collections.abc import Callable

import torch
from torch import Tensor

from smcrep.fusion.informative import informative, largest_log_precision
from smcrep.transition import Beliefs

LEAST_SHRINKAGE = 1e-3
"""A sense given twice is correlated at 1, where no system of equations has one solution."""


def blue(correlation: Tensor | float = 0.5) -> Callable[[Beliefs], tuple[Tensor, Tensor]]:
    """The rule `best_linear` at a correlation of the senses' errors."""
    return lambda beliefs: best_linear(beliefs, correlation)


def blue_claim(correlation: Tensor | float = 0.5) -> Callable[[Beliefs], Tensor]:
    """What the rule `blue` claims: `best_linear_claim` at a correlation of the senses' errors."""
    return lambda beliefs: best_linear_claim(beliefs, correlation)


def best_linear(beliefs: Beliefs, correlation: Tensor | float) -> tuple[Tensor, Tensor]:
    """Unbiased linear estimate of least variance: w_d = S_d^-1 1 / (1^T S_d^-1 1), S_d the errors' covariance.

    S_d = diag(p_d)^-1/2 R diag(p_d)^-1/2, so w_d is proportional to sqrt(p_d) * R^-1 sqrt(p_d) (Aitken 1935). A sense
    gets a negative w once its correlation with a better one exceeds the ratio of their standard deviations; its weight
    is then its share of the absolute values.

    correlation  R [m, m] in the order of the senses (`estimate_correlation`), or one number for every pair.

    Returns fused [..., d] and weight [..., m], the mean over d of |w| / sum |w|.
    """
    known = informative(beliefs)
    root, solved = _solve(known, correlation)
    w = root * solved
    some = known.present.any(-1)[..., None, None]
    w = w / torch.where(some, w.sum(-2, keepdim=True), 1)
    share = w.abs() / torch.where(some, w.abs().sum(-2, keepdim=True), 1)
    return (w * known.mean).sum(-2), share.mean(-1)


def best_linear_claim(beliefs: Beliefs, correlation: Tensor | float) -> Tensor:
    """Log-precision [..., d]: log(1^T S_d^-1 1) as in `best_linear`; -inf where no sense is present."""
    known = informative(beliefs)
    root, solved = _solve(known, correlation)
    some = known.present.any(-1)[..., None]
    relative = torch.log(torch.where(some, (root * solved).sum(-2), 1))
    return torch.where(some, relative + largest_log_precision(known)[..., 0, :], -torch.inf)


def estimate_correlation(errors: Tensor) -> Tensor:
    """Correlation [m, m] between senses of errors [n, m, d] (belief minus truth), one for all d, shrunk to identity.

    r_ij is the mean over n and d of the products of standardised errors. It is multiplied by 1 - s with
    s = sum_{i != j} Var(r_ij) / sum_{i != j} r_ij^2 in [.001, 1] (Schaefer and Strimmer 2005, section 2.4, target D);
    Var is that of the mean of n rows, each already averaged over d, so dimensions may depend on each other.
    """
    n, m, _ = errors.shape
    if n < 2:
        raise ValueError(f"estimate_correlation: errors of {n} observations; give at least 2, better hundreds")
    centred = errors - errors.mean(0)
    scale = centred.square().mean(0).sqrt()
    if not (scale > 0).all():
        raise ValueError("estimate_correlation: an error is constant or NaN in some dimension; leave that one out")
    standard = centred / scale
    products = torch.einsum("nid,njd->nij", standard, standard) / errors.shape[-1]
    r = products.mean(0)
    off = ~torch.eye(m, dtype=torch.bool, device=errors.device)
    shrinkage = 1.0
    if r[off].square().sum() > 0:
        shrinkage = (products.var(0)[off].sum() / n / r[off].square().sum()).clamp(LEAST_SHRINKAGE, 1)
    return torch.where(off, (1 - shrinkage) * r, 1.0)


def _solve(known: Beliefs, correlation: Tensor | float) -> tuple[Tensor, Tensor]:
    """sqrt(p) and R^-1 sqrt(p), both [..., m, d], p relative to the largest; R is the identity for absent senses."""
    m = known.mean.shape[-2]
    eye = torch.eye(m, dtype=known.mean.dtype, device=known.mean.device)
    if isinstance(correlation, Tensor):
        if correlation.shape != (m, m):
            raise ValueError(f"blue: correlation is {list(correlation.shape)} for {m} senses; give [{m}, {m}]")
        r = correlation.to(eye)
    else:
        r = eye + correlation * (1 - eye)
    both = known.present[..., :, None] & known.present[..., None, :]
    root = torch.exp((known.log_precision - largest_log_precision(known)) / 2)
    return root, torch.linalg.solve(torch.where(both, r, eye), root)
