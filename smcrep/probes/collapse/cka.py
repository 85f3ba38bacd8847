"""Linear centred kernel alignment of two sets of embeddings of the same things."""

import numpy as np

from smcrep.probes.collapse.indicators import checked


def cka_biased(za: np.ndarray, zb: np.ndarray) -> float:
    """|A^T B|^2 / (|A^T A| |B^T B|), Frobenius norms of centred A [n, d] and B [n, e] (linear CKA of
    arXiv:1905.00414): 0 to 1. 0 where one is constant.

    Grows as n falls: unrelated embeddings of 512 dimensions read .89, .67 and .20 at n = 64, 256 and 2,048.

    What it cannot see: what `cka` cannot, and the number of rows.
    """
    za, zb = _rows(za, zb, 2)
    a, b = za - za.mean(0), zb - zb.mean(0)
    scale = np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)
    return float(np.square(np.linalg.norm(a.T @ b)) / scale) if scale > 0 else 0.0


def cka(za: np.ndarray, zb: np.ndarray) -> float:
    """The same from unbiased estimates of HSIC (Song et al. 2012, used so by arXiv:2010.15327): about 0 for
    unrelated embeddings of any n >= 4, where it can be negative; 1 for equal ones. 0 where one is constant. Cost
    n^2 (d + e).

    What it cannot see: directions of low variance, where an action often is: it compares what varies most.
    """
    za, zb = _rows(za, zb, 4)
    a, b = _gram(za), _gram(zb)
    scale = hsic(a, a) * hsic(b, b)
    return float(hsic(a, b) / np.sqrt(scale)) if scale > 0 else 0.0


def hsic(a: np.ndarray, b: np.ndarray) -> float:
    """Unbiased estimate of HSIC from Gram matrices [n, n] whose diagonals are 0, n >= 4 (HSIC_1 of Song et al. 2012):

    [tr(A B) + 1'A1 1'B1 / ((n - 1)(n - 2)) - 2 / (n - 2) 1'A B1] / (n (n - 3))
    """
    n = len(a)
    both = a.sum() * b.sum() / ((n - 1) * (n - 2)) - 2 * (a.sum(0) @ b.sum(0)) / (n - 2)
    return float(((a * b).sum() + both) / (n * (n - 3)))


def _gram(z: np.ndarray) -> np.ndarray:
    centred = z - z.mean(0)  # changes nothing but rounding: HSIC does not depend on the mean
    gram = centred @ centred.T
    np.fill_diagonal(gram, 0)
    return gram


def _rows(za: np.ndarray, zb: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    za, zb = checked(za, least=least), checked(zb, least=least)
    if len(za) != len(zb):
        raise ValueError(f"cka: {len(za)} and {len(zb)} rows; give embeddings of the same things in the same order")
    return za, zb
