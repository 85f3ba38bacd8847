"""The weights of the time when use was best, to go back to when the monitor alarms."""

from collections.abc import Mapping

import torch
from torch import Tensor


class BestSnapshot:
    """Keeps a copy of the weights at the look at which the mean of the last ``smooth`` looks was highest.

    use  of a look: the mean of its pairs (`training.signal_watch`), say.
    """

    def __init__(self, smooth: int = 3) -> None:
        self.smooth = smooth
        self.recent: list[float] = []
        self.best, self.step = float("-inf"), 0
        self.weights: dict[str, Tensor] = {}

    def look(self, step: int, use: float, weights: Mapping[str, Tensor]) -> None:
        """After ``step`` steps. The first looks, fewer than ``smooth``, count as they are."""
        self.recent = [*self.recent[-self.smooth + 1 :], use] if self.smooth > 1 else [use]
        mean = sum(self.recent) / len(self.recent)
        if mean > self.best:
            self.best, self.step = mean, step
            self.weights = {name: value.detach().clone() for name, value in weights.items()}

    def restore(self, weights: Mapping[str, Tensor]) -> int:
        """Writes the copy into ``weights``; the step that it is of."""
        if not self.weights:
            raise ValueError("BestSnapshot: nothing was kept yet; call look() in training before restore()")
        with torch.no_grad():
            for name, value in weights.items():
                value.copy_(self.weights[name])
        return self.step
