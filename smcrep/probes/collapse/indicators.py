"""Effective rank of embeddings. A high rank does not show that a signal is used (`utilisation` does)."""

import numpy as np


def rank_me(z: np.ndarray) -> float:
    """RankMe of *centred* embeddings [n, d] (arXiv:2210.02885, eq. 1): exp of the entropy of the singular values
    divided by their sum; 1 to d.

    Centred, unlike the paper: a common mean adds one large singular value, which hides the number of directions that
    discriminate. At most n - 1, so n should be several times d, or the value be read against that of isotropic
    embeddings (`null.against_isotropic`). 0 for constant embeddings.

    What it cannot see: which signal the directions stand for; noise of high rank reads as health.
    """
    return exp_entropy(singular_values(z))


def rank_me_as_published(z: np.ndarray, *, epsilon: float = 1e-7) -> float:
    """RankMe as arXiv:2210.02885, eq. 1 has it: of embeddings [n, d] that are *not* centred, with p = s / sum(s) +
    epsilon for each of the min(n, d) singular values s, zero ones too. For comparison with published numbers.

    A constant embedding reads 1, and epsilon adds up to 16 epsilon min(n, d) to the entropy.

    What it cannot see: what `rank_me` cannot, and collapse or health behind a common mean, which is one large
    singular value: isotropic embeddings of 128 dimensions read 127, 76 and 26 with a mean of 0, 3 and 10 deviations.
    """
    singular = np.linalg.svd(checked(z), compute_uv=False)
    p = singular / max(singular.sum(), 1e-300) + epsilon
    return float(np.exp(-(p * np.log(p)).sum()))


def participation_ratio(z: np.ndarray) -> float:
    """(sum l)^2 / sum l^2 of the eigenvalues l of the covariance of [n, d]: 1 to d, less sensitive to weak directions
    than `rank_me`. 0 for constant embeddings.

    What it cannot see: weak directions that hold a small signal such as the action."""
    variance = np.square(singular_values(z))
    return float(variance.sum() ** 2 / np.square(variance).sum()) if variance.sum() > 0 else 0.0


def stable_rank(z: np.ndarray) -> float:
    """Sum of the squared singular values of centred embeddings [n, d] over the largest of them (Rudelson & Vershynin
    2007): 1 to d, and never above the rank. 0 for constant embeddings.

    What it cannot see: anything but the strongest direction's share of the variance."""
    variance = np.square(singular_values(z))
    return float(variance.sum() / variance[0]) if variance[0] > 0 else 0.0


def singular_values(z: np.ndarray) -> np.ndarray:
    """[min(n, d)], falling, of the centred embeddings [n, d]; 0 where they are float32 rounding of a constant."""
    z = checked(z)
    singular = np.linalg.svd(z - z.mean(0), compute_uv=False)
    return np.where(singular > 1e-6 * np.linalg.norm(z), singular, 0.0)


def checked(z: np.ndarray, *, least: int = 2) -> np.ndarray:
    """float64 [n, d]. ValueError unless they are finite and at least ``least`` rows."""
    z = np.asarray(z, np.float64)
    if z.ndim != 2 or len(z) < least or not np.isfinite(z).all():
        raise ValueError(f"indicators: embeddings {z.shape}; give finite [n, d] with at least {least} rows")
    return z


def exp_entropy(weight: np.ndarray) -> float:
    """exp of the entropy, in nats, of weights [r] >= 0 divided by their sum: how many count (Roy & Vetterli 2007). 0
    where all are 0."""
    p = weight[weight > 0] / max(weight.sum(), 1e-300)
    return float(np.exp(-(p * np.log(p)).sum())) if len(p) else 0.0
