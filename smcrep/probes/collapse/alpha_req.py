"""alpha-ReQ: how fast the spectrum of embeddings decays."""

import numpy as np

from smcrep.probes.collapse.indicators import singular_values


def alpha_req(z: np.ndarray, *, first: int, last: int) -> float:
    """Exponent alpha of a power law lambda_j = c j^-alpha through the eigenvalues, in falling order from j = 1, of the
    covariance of embeddings [n, d] (arXiv:2202.05808): least squares of log lambda_j on log j over
    ``first`` <= j <= ``last``.

    0 for isotropic embeddings, about 1 for the spectra that the paper finds best, larger as they collapse; inf where
    an eigenvalue of the range is 0. The range matters more than anything else, so there is no default: the first few
    eigenvalues are classes, those near min(n - 1, d) are estimation noise, which bends the spectrum of few rows down.

    What it cannot see: which signal decays; a spectrum that is no power law still has an exponent.
    """
    eigenvalues = np.square(singular_values(z))
    if not 1 <= first < last <= len(eigenvalues):
        raise ValueError(
            f"alpha_req: range {first} to {last} of {len(eigenvalues)} eigenvalues; give 1 <= first < last within them"
        )
    chosen = eigenvalues[first - 1 : last]
    if chosen[-1] <= 0:
        return float("inf")
    return -float(np.polyfit(np.log(np.arange(first, last + 1)), np.log(chosen), 1)[0])
