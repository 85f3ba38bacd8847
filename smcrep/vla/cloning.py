"""Behaviour cloning with one small head, the same for every encoder: what differs between policies is what they see."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

HIDDEN, BATCH, LR, WEIGHT_DECAY = 256, 256, 1e-3, 1e-3
VARIES = 1e-4
"""What varies less among demonstrations says nothing: it is left at its distance from the mean."""


def clone(seen: Tensor, actions: Tensor, *, steps: int, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """A policy, what is seen [..., i] -> actions [..., *a] in -1..1, from demonstrations seen [n, i], actions [n, *a],
    by mean squared error. Two hidden layers; inputs of mean 0 and deviation 1; AdamW."""
    mean, std = seen.mean(0), seen.std(0)
    std[std < VARIES] = 1
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        head = nn.Sequential(
            nn.Linear(seen.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(),
            nn.Linear(HIDDEN, actions[0].numel()), nn.Tanh(),
        )  # fmt: skip
    optimiser = torch.optim.AdamW(head.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    x, y = (seen - mean) / std, actions.flatten(1)
    for _ in range(steps):
        rows = torch.randint(len(x), (BATCH,), generator=generator)
        loss = (head(x[rows]) - y[rows]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    @torch.no_grad()
    def act(view: np.ndarray) -> np.ndarray:
        given = torch.as_tensor(view).float()
        return head((given - mean) / std).reshape(*given.shape[:-1], *actions.shape[1:]).numpy()

    return act
