"""What a neural field shows: how many bumps, and where the largest is."""

import torch
from torch import Tensor


def bump_labels(active: Tensor, distances: Tensor, reach: float) -> Tensor:
    """Of each active unit the lowest number of a unit in its bump, n for units that are not active; int64 [b, n].

    Active units within ``reach`` of each other belong to one bump.

    active     bool [b, n].
    distances  [n, n].
    """
    num_units = len(distances)
    near = distances <= reach
    order = near.int().sort(dim=-1, descending=True, stable=True).indices[:, : int(near.sum(-1).max())]
    neighbours = torch.where(near.gather(-1, order), order, torch.arange(num_units, device=order.device)[:, None])
    label = torch.where(active, torch.arange(num_units, device=active.device), num_units)
    while True:
        lower = torch.where(active, label[:, neighbours].amin(-1), num_units)
        if torch.equal(lower, label):
            return label
        label = lower


def largest_bump(label: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    """Number of bumps, int64 [b], and which units are in the one of the largest mass, bool [b, n] (none: all False).

    label  of `bump_labels`, [b, n].
    mass   of each unit, [b, n]: its activity times the volume of its cell.
    """
    num_units = label.shape[-1]
    own = torch.arange(num_units, device=label.device)
    num_bumps = (label == own).sum(-1)
    total = mass.new_zeros(len(label), num_units + 1).scatter_add(-1, label, mass.detach())[:, :num_units]
    largest = total.argmax(-1, keepdim=True)
    return num_bumps, (label == largest) & (label < num_units)
