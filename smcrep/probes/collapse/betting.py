"""Bets on a stream of paired differences: how much is staked on the next pair, from past pairs alone.

A test by betting multiplies wealth by 1 + stake * gain at each pair. Where the gain has a mean of at most 0 given the
past, wealth grows in no mean, whatever the stakes are, as long as the next stake is fixed before the next pair is seen.
Stakes decide the power alone.
"""

from typing import Any

import numpy as np

BOLDEST = 0.75
"""A pair never takes more than this share of the wealth: a stake up to the whole could lose all in one pair."""


class Moments:
    """Running mean and variance of a stream [*shape] of values in [-1, 1], O(1) a pair (Welford 1962).

    One pseudo-pair of value 0 and squared deviation 1, the largest there is, stands before the first: the variance
    starts from the worst case and stays above 0 (as arXiv:2010.09686 does for values in [0, 1]).
    """

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        self.count, self.mean, self.squares = 1, np.zeros(shape), np.ones(shape)

    def update(self, value: np.ndarray) -> None:
        self.count += 1
        step = value - self.mean
        self.mean = self.mean + step / self.count
        self.squares = self.squares + step * (value - self.mean)

    @property
    def variance(self) -> np.ndarray:
        return self.squares / self.count

    def state(self) -> dict[str, Any]:
        return {"count": self.count, "mean": self.mean.tolist(), "squares": self.squares.tolist()}

    def restore(self, state: dict[str, Any]) -> None:
        self.count = int(state["count"])
        self.mean, self.squares = np.asarray(state["mean"], float), np.asarray(state["squares"], float)


def stake(gain: np.ndarray | float, variance: np.ndarray, worst_loss: float) -> np.ndarray:
    """Stake [*shape] on gains of mean ``gain`` and of the ``variance``: gain / (variance + gain^2), which maximises the
    first two terms of the mean log growth (aGRAPA, arXiv:2010.09686), within [0, BOLDEST / worst_loss].
    ``worst_loss``: minus the lowest gain that can come."""
    return np.clip(gain / (variance + np.square(gain)), 0, BOLDEST / worst_loss)
