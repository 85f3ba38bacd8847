"""Weights of several losses from their noise (Kendall et al.)."""

from torch import Tensor


def kendall(losses: Tensor, log_variances: Tensor) -> Tensor:
    """Sum over i of exp(-s_i) L_i / 2 + s_i / 2, s_i = log sigma_i^2 (arXiv:1705.07115, eq. 7, written with the log of
    the variance as the authors learn it): the negative log-likelihood of Gaussian errors, but for a constant.

    losses, log_variances  [m]; the second is learned. At its minimum s_i = log L_i, where the gradient of each loss is
                           divided by the loss.
    """
    return ((-log_variances).exp() * losses + log_variances).sum() / 2
