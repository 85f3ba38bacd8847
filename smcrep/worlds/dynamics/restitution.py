"""From the restitution of a body to the damping of its contacts."""

import numpy as np


def damping_ratio(restitution: float) -> float:
    """Damping ratio of a linear spring and damper that can only push, so that a body leaves with ``restitution`` times
    the speed that it came with (Schwager and Pöschel, Granular Matter 9, 2007, eq. 20-22, inverted on a table).

    Gravity acts during the contact as well, so that what is measured at 1 m/s is lower by up to 0.1 for restitutions
    below 0.3 (a body of restitution 0.1 stays on the table), and by 0.02 above 0.4.
    """
    return float(np.interp(restitution, _RESTITUTIONS, _RATIOS))


def _restitution(ratio: np.ndarray) -> np.ndarray:
    root = np.sqrt(np.abs(1 - ratio**2))
    under = np.arctan2(2 * ratio * root, 2 * ratio**2 - 1)
    over = np.log((ratio + root) / np.maximum(ratio - root, 1e-300))
    return np.exp(-ratio / root * np.where(ratio < 1, under, over))


_RATIOS = np.concatenate([np.linspace(1e-4, 0.999, 500), np.linspace(1.001, 6, 500)])[::-1]
_RESTITUTIONS = _restitution(_RATIOS)  # rising
