"""Can what a model predicts say at all what a signal does?"""

import numpy as np

from smcrep.probes.collapse.indicators import checked


def reach(predictions: np.ndarray, effects: np.ndarray, *, tolerance: float = 1e-4) -> float:
    """Share of the squared length of ``effects`` that lies in the directions in which predictions vary; 0 to 1.

    predictions  [n, d] of a model, n several times d.
    effects      [m, d]: change of what the predictions are compared with (the target, or its embedding) as the signal
                 changes in one state, all else, noise too, the same.
    tolerance    least deviation, over the largest of all directions, of a direction that counts; effects that are as
                 small beside the predictions count as none: an encoder of targets that drops what the signal moves.

    Ranks cannot say this: an embedding can be of full rank without the two directions that a signal needs.
    """
    predictions, effects = checked(predictions), checked(effects)
    _, singular, directions = np.linalg.svd(predictions - predictions.mean(0), full_matrices=False)
    spread = float(predictions.std(0).max())
    length = float(np.square(effects).sum(1).mean())
    if singular[0] <= 0 or length <= (tolerance * spread) ** 2:
        return 0.0
    within = effects @ directions[singular > tolerance * singular[0]].T
    return float(np.square(within).sum(1).mean() / length)
