"""Chunks: the next h actions at once, and how overlapping chunks become one action."""

import numpy as np
import torch
from torch import Tensor


def chunked(actions: Tensor, episode: Tensor, horizon: int) -> tuple[Tensor, Tensor]:
    """The actions from each step on: [n, a] and episode int64 [n] -> [n, horizon, a] and is_pad bool [n, horizon].

    Beyond the end of its episode a chunk repeats the last action and is padding there, as LeRobot's datasets have it
    (``action_is_pad``): a loss leaves those out. Steps of an episode follow each other.
    """
    if horizon < 1 or len(actions) != len(episode):
        raise ValueError(
            f"chunked: {len(actions)} actions, {len(episode)} episode numbers, horizon {horizon}; give as many of "
            "both, and a horizon of at least 1"
        )
    starts = torch.ones_like(episode, dtype=torch.bool)
    starts[1:] = episode[1:] != episode[:-1]
    run = starts.cumsum(0)
    if int(run.max()) != len(episode.unique()):
        raise ValueError("chunked: an episode comes again after another; sort the steps by episode and time")
    last = torch.searchsorted(run, run, right=True) - 1
    wanted = torch.arange(len(actions))[:, None] + torch.arange(horizon)
    return actions[torch.minimum(wanted, last[:, None])], wanted > last[:, None]


class TemporalEnsemble:
    """One action from all chunks that cover a step, weighted exp(-decay i), i = 0 for the oldest (ACT,
    arXiv:2304.13705, alg. 2; the authors' decay is 0.01, and larger lets the old ones count more)."""

    def __init__(self, decay: float = 0.01) -> None:
        self.decay = decay
        self.chunks: list[np.ndarray] = []

    def reset(self) -> None:
        """A new episode begins."""
        self.chunks = []

    def step(self, chunk: np.ndarray) -> np.ndarray:
        """chunk [h, a], predicted now -> the action [a] of now."""
        self.chunks = [old[1:] for old in self.chunks if len(old) > 1] + [np.asarray(chunk)]
        weight = np.exp(-self.decay * np.arange(len(self.chunks)))
        return (weight[:, None] * np.stack([c[0] for c in self.chunks])).sum(0) / weight.sum()
