"""Effective rank of embeddings. A high rank does not show that a signal is used (`utilisation` does)."""

import numpy as np


def rank_me(z: np.ndarray) -> float:
    """RankMe of *centred* embeddings [n, d] (arXiv:2210.02885, eq. 1): exp of the entropy of the singular values
    divided by their sum; 1 to d.

    Centred, unlike the paper: a common mean adds one large singular value, which hides the number of directions that
    discriminate. At most n - 1, so n should be several times d. 0 for constant embeddings.
    """
    singular = _singular_values(z)
    p = singular[singular > 0] / max(singular.sum(), 1e-300)
    return float(np.exp(-(p * np.log(p)).sum())) if len(p) else 0.0


def participation_ratio(z: np.ndarray) -> float:
    """(sum l)^2 / sum l^2 of the eigenvalues l of the covariance of [n, d]: 1 to d, less sensitive to weak directions
    than `rank_me`. 0 for constant embeddings."""
    variance = np.square(_singular_values(z))
    return float(variance.sum() ** 2 / np.square(variance).sum()) if variance.sum() > 0 else 0.0


def _singular_values(z: np.ndarray) -> np.ndarray:
    """Singular values of the centred embeddings; 0 where they are float32 rounding of a constant."""
    z = np.asarray(z, np.float64)
    if z.ndim != 2 or len(z) < 2 or not np.isfinite(z).all():
        raise ValueError(f"indicators: embeddings {z.shape}; give finite [n, d] with at least 2 rows")
    singular = np.linalg.svd(z - z.mean(0), compute_uv=False)
    return np.where(singular > 1e-6 * np.linalg.norm(z), singular, 0.0)
