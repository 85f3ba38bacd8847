"""Contrastive learning through time: what is seen next is a positive. With the ways to let time pass."""

from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.objectives.nt_xent import nt_xent
from smcrep.objectives.objective import ObjectiveWeights, Observed, mean_loss
from smcrep.transition import Loss


@dataclass(frozen=True)
class TimeContrastWeights(ObjectiveWeights):
    """View t of a state and view t + 1, for every t, on each sense and on the fused embedding, in the projected
    invariant part; the last view is not followed by the first. For stores whose outcomes are frames in order."""

    temperature: float = 1.0
    """Divides the cosines; the authors'."""

    def loss(self, observed: Observed) -> Loss:
        losses = {}
        for sense, z in observed.latents().items():
            projected = observed.processes.gather(observed.project(z[..., : observed.num_invariant]))
            steps = range(projected.shape[1] - 1)
            total = torch.stack([time_contrast(projected[:, t : t + 2], self.temperature) for t in steps]).mean()
            losses[sense] = Loss(total, {"time_contrast": total.detach()})
        return mean_loss(losses)


def time_contrast(frames: Tensor, temperature: float) -> Tensor:
    """NT-Xent of frames [n, 2, d] and what followed each (SimCLR through time: Schneider et al., SVRHM 2021, and
    trieschlab/CLTT). Draw the n at random from a long buffer (`following` pairs one): neighbours in one batch are
    negatives of each other."""
    return nt_xent(frames[:, 0], frames[:, 1], temperature).total


def following(num_frames: int) -> Tensor:
    """int64 [num_frames]: of each frame of a buffer the one after it, the first after the last, as the authors' buffer.
    Where an object stays for n frames, 1 of n positives shows another object."""
    return (torch.arange(num_frames) + 1) % num_frames


def bouts(num_objects: int, num_bouts: int, mean_frames: float, generator: torch.Generator) -> Tensor:
    """int64 [frames]: the object in each frame. Bouts of geometric length with that mean (1: all of one frame), the
    object of a bout drawn from those that were not in the one before."""
    if num_objects < 2 or mean_frames < 1:
        raise ValueError(f"bouts: {num_objects} objects, {mean_frames} frames; give at least 2 objects and 1 frame")
    stay = 1 - 1 / mean_frames
    shift = torch.randint(1, num_objects, (num_bouts,), generator=generator)
    objects = shift.cumsum(0) % num_objects
    # The smallest n with u >= stay^n is geometric: it exceeds n with probability stay^n.
    u = torch.rand(num_bouts, generator=generator, dtype=torch.float64).clamp_min(1e-12)
    lengths = (u.log() / torch.tensor(stay, dtype=torch.float64).log()).ceil().clamp_min(1).long()
    return objects.repeat_interleave(lengths)


def random_walk(grid: tuple[int, ...], wraps: tuple[bool, ...], num_frames: int, generator: torch.Generator) -> Tensor:
    """int64 [num_frames, axes]: places on a grid of views, one step along one axis at a time, to either side with equal
    chance. An axis that wraps is a circle (azimuth); at the end of another the step is back."""
    place = torch.stack([torch.randint(size, (), generator=generator) for size in grid])
    axes = torch.randint(len(grid), (num_frames,), generator=generator).tolist()
    signs = (2 * torch.randint(2, (num_frames,), generator=generator) - 1).tolist()
    found = [place.clone()]
    for axis, sign in zip(axes[1:], signs[1:], strict=True):
        stepped = int(place[axis]) + sign
        if not wraps[axis] and not 0 <= stepped < grid[axis]:
            stepped = int(place[axis]) - sign
        place[axis] = stepped % grid[axis]
        found.append(place.clone())
    return torch.stack(found)


def uniform_views(num_views: int, num_frames: int, generator: torch.Generator) -> Tensor:
    """int64 [num_frames]: views drawn uniformly, none of them twice in a row (an identical pair teaches nothing)."""
    shift = torch.randint(1, num_views, (num_frames,), generator=generator)
    return (torch.randint(num_views, (), generator=generator) + shift.cumsum(0)) % num_views


def window(num_views: int, num_frames: int, generator: torch.Generator) -> Tensor:
    """int64 [num_frames]: neighbouring views on a circle of ``num_views``, from a random one on."""
    return (torch.randint(num_views, (), generator=generator) + torch.arange(num_frames)) % num_views
