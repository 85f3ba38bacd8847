"""Alignment of pairs, uniformity on the sphere, the cone, and the gap between the embeddings of two senses."""

import numpy as np

from smcrep.probes.collapse.indicators import checked


def alignment(za: np.ndarray, zb: np.ndarray) -> np.ndarray:
    """[n] squared distance of the pairs (za_i, zb_i) [n, d] on the unit sphere: 0 to 4, 2 for unrelated pairs. Its mean
    is the alignment loss of arXiv:2005.10242 with exponent 2; rows are returned for an interval over their units.

    What it cannot see: what both sides ignore: embeddings of the scene alone are aligned perfectly.
    """
    za, zb = _pair(za, zb)
    return np.square(_unit(za) - _unit(zb)).sum(-1)


def uniformity(z: np.ndarray, *, t: float = 2.0) -> float:
    """log of the mean over pairs of different rows of exp(-t |z_i - z_j|^2) on the unit sphere (arXiv:2005.10242): 0
    for a constant, towards -2 t for a uniform distribution in many dimensions.

    What it cannot see: whether what is spread out is signal or noise, and which signal.
    """
    unit = _unit(checked(z))
    squared = 2 - 2 * np.clip((unit @ unit.T)[np.triu_indices(len(unit), 1)], -1, 1)
    return float(np.log(np.exp(-t * squared).mean()))


def modality_gap(za: np.ndarray, zb: np.ndarray) -> float:
    """Distance between the means of two senses' embeddings [n, d] of the same n things on the unit sphere, each row
    brought to length 1 first (arXiv:2203.02053): 0 to 2.

    n unrelated rows of one centred distribution still read about sqrt(2 / n), so compare with the value after the two
    senses of a random half of the things are exchanged.

    What it cannot see: use. A gap is there at the start of training and with two encoders of one sense, and senses
    can be told apart and read all the same.
    """
    za, zb = _pair(za, zb)
    return float(np.linalg.norm(_unit(za).mean(0) - _unit(zb).mean(0)))


def cone(z: np.ndarray) -> float:
    """Length of the mean of the rows of z [n, d], each brought to length 1: 1 where all point the same way (the cone of
    arXiv:2203.02053), about sqrt(1 / n) where they are spread over the sphere.

    What it cannot see: collapse without a common mean, which ranks show; and a mean is no harm to what centres first.
    """
    return float(np.linalg.norm(_unit(checked(z)).mean(0)))


def _pair(za: np.ndarray, zb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    za, zb = checked(za), checked(zb)
    if za.shape != zb.shape:
        raise ValueError(f"alignment: embeddings {za.shape} and {zb.shape}; give pairs, both [n, d]")
    return za, zb


def _unit(z: np.ndarray) -> np.ndarray:
    return z / np.maximum(np.linalg.norm(z, axis=-1, keepdims=True), 1e-12)
