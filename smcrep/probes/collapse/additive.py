"""EMAP: how much of what a model does with two signals could be done by adding up what each says alone?"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from smcrep.probes.collapse.adapter import Batch
from smcrep.probes.intervals import Estimate, over_units
from smcrep.probes.retrieval import rank

MOST_ROWS = 500
"""n rows need n^2 passes: 250,000 for these."""


def crossed_outputs(predict: Callable[[Batch], Tensor], batch: Batch, name: str, *, num_rows: int) -> Tensor:
    """[n, n, c]: output for the signal ``name`` of row i with everything else of row j, of the first n rows.

    predict  batch of any size -> logits [b, c]. Called n times, on n rows each.
    """
    if not 2 <= num_rows <= MOST_ROWS:
        raise ValueError(f"crossed_outputs: {num_rows} rows; give 2 to {MOST_ROWS}, n rows need n^2 passes")
    rows = {key: values[:num_rows] for key, values in batch.items()}
    with torch.no_grad():
        return torch.stack([predict({**rows, name: rows[name][i].expand_as(rows[name])}) for i in range(num_rows)])


def emap(crossed: np.ndarray) -> np.ndarray:
    """[n, c]: the additive function of the two signals that is nearest to the model in mean square over all n^2 pairs,
    at the n true ones (arXiv:2010.06572): mean_j f_ij + mean_j f_ji - mean_jk f_jk.

    crossed  [n, n, c] of `crossed_outputs`: first axis the row of one signal, second axis the row of the rest.
    """
    f = np.asarray(crossed, np.float64)
    if f.ndim != 3 or f.shape[0] != f.shape[1] or not np.isfinite(f).all():
        raise ValueError(f"emap: outputs {f.shape}; give finite [n, n, c] for every pair of rows")
    return f.mean(1) + f.mean(0) - f.mean((0, 1))


def interaction_gain(crossed: np.ndarray, labels: np.ndarray, units: np.ndarray | None = None) -> Estimate:
    """Accuracy of the model minus that of its additive part on the same rows; about 0 where it only adds, the whole of
    what lies above chance where only both signals together tell the answer (XOR). Ties count by chance.

    labels  int64 [n]; units [n]: object or state of each row, which the interval is over.

    What it cannot see: additive use, which is use (subtract the score without the signal for that); regression, and
    models without logits. Intervals take the additive part as given.
    """
    f = np.asarray(crossed, np.float64)
    additive = emap(f)
    rows = np.arange(len(f))
    gains = rank(f[rows, rows], labels).hits(1) - rank(additive, labels).hits(1)
    return over_units(gains, units)


def interaction_share(crossed: np.ndarray) -> float | None:
    """Variance of the part of an output that is not additive (f - EMAP, over all n^2 pairs) over all variance that the
    signal makes in it; 0 for a model that adds up, 1 where the signal does nothing without the others. None where the
    output does not move with the signal. For outputs of any kind, embeddings too.

    crossed  [n, n, c] of `crossed_outputs`.
    """
    f = np.asarray(crossed, np.float64)
    both = f - f.mean(0, keepdims=True)
    moved = float(np.square(both).mean())
    if moved <= 1e-12 * float(f.var((0, 1)).mean()):
        return None
    return float(np.square(both - both.mean(1, keepdims=True)).mean() / moved)
