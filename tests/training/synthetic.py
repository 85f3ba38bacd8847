"""Transitions made in memory: a cloud of coloured points is turned in front of a camera. No simulator, no store."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import roma
import torch
from torch import Tensor

from smcrep.geometry.action import KINDS, Action, apply
from smcrep.models.config import ModelConfig
from smcrep.senses import PointsSettings, RGBSettings
from smcrep.training.recipes import Optim, Recipe
from smcrep.transition import Senses, Targets, Transition

SIZE = 16
DISTANCE_M = 0.5


def tiny_recipe(**changes: Any) -> Recipe:
    model = ModelConfig(
        senses={"rgb": RGBSettings(size=SIZE), "points": PointsSettings()},
        trunk_dim=16,
        invariant_dim=8,
        num_tensors=1,
        projector_dim=8,
        predictor_hidden=8,
        condition_dim=4,
    )
    optim = changes.pop("optim", Optim(steps=8, batch_states=4, warmup=2))
    return Recipe(**{"model": model, "optim": optim, "log_every": 3, "checkpoint_every": 0, "probe_every": 0} | changes)


def transition(num_states: int, num_outcomes: int, seed: int, *, kind: str = "turn") -> Transition:
    """States of different objects; every outcome is the exact motion of the points that were there before."""
    generator = torch.Generator().manual_seed(seed)
    rotation = roma.rotvec_to_rotmat(0.6 * torch.randn(num_states, num_outcomes, 3, generator=generator))
    pivot = torch.tensor([0.0, 0.0, DISTANCE_M])
    motion = torch.eye(4).repeat(num_states, num_outcomes, 1, 1)
    motion[..., :3, :3] = rotation
    motion[..., :3, 3] = pivot - rotation @ pivot + 0.01 * torch.randn(num_states, num_outcomes, 3, generator=generator)
    action = Action(
        kind=torch.full((num_states, num_outcomes), KINDS.index(kind)),
        motion=motion,
        contact=pivot + 0.02 * torch.randn(num_states, num_outcomes, 3, generator=generator),
        force=0.1 * torch.randn(num_states, num_outcomes, 3, generator=generator),
        duration=torch.ones(num_states, num_outcomes),
    )
    stretch = 0.01 + 0.09 * torch.rand(num_states, 1, 3, generator=generator)
    points = pivot + stretch * torch.rand(num_states, 24, 3, generator=generator)  # off the pivot: no symmetry
    base = 60 + 160 * torch.rand(num_states, 1, 3, generator=generator)
    colours = (base + 30 * torch.rand(num_states, 24, 3, generator=generator)).to(torch.uint8)
    moved = apply(motion[:, :, None], points[:, None])
    after = {"rgb": image(moved, colours[:, None].expand(-1, num_outcomes, -1, -1)), "points": moved}
    return Transition(
        before=Senses.all_present({"rgb": image(points, colours), "points": points}),
        after=Senses.all_present(after, 2),
        action=action,
        physics=torch.randn(num_states, 1, 6, generator=generator).expand(-1, num_outcomes, -1).clone(),
        state_id=torch.arange(num_states),
        object_id=torch.arange(num_states),
        environment_id=torch.zeros(num_states, dtype=torch.int64),
    )


def image(points: Tensor, values: Tensor) -> Tensor:
    """[..., SIZE, SIZE, c] with the values [..., n, c] of the points, each at one pixel; 0 elsewhere."""
    place = ((points[..., :2] / 0.3 + 0.5) * SIZE).long().clamp(0, SIZE - 1)
    empty = values.new_zeros(*points.shape[:-2], SIZE * SIZE, values.shape[-1])
    index = (place[..., 1] * SIZE + place[..., 0])[..., None].expand(values.shape)
    return empty.scatter(-2, index, values).unflatten(-2, (SIZE, SIZE))


def of_four_senses(num_states: int, num_outcomes: int, seed: int) -> Transition:
    """The same with depth and mask: z of each point at its pixel, and which pixels hold a point."""
    made = transition(num_states, num_outcomes, seed)

    def sensed(senses: Senses) -> Senses:
        depth = image(senses["points"], senses["points"][..., 2:])[..., 0]
        data = {**senses.data, "depth": depth, "mask": (depth > 0).to(torch.uint8)}
        return Senses.all_present(data, len(senses.batch_shape))

    return replace(made, before=sensed(made.before), after=sensed(made.after))


@dataclass
class SyntheticSource:
    """`fit.Batches`; batch i is a function of seed, rank and i alone."""

    num_states: int = 4
    num_outcomes: int = 2
    seed: int = 0
    rank: int = 0
    drawn: int = 0
    poisoned: int = -1  # the batch with a NaN among its points
    closed: bool = False
    draw: Callable[[int, int, int], Transition] = transition

    def __iter__(self) -> Iterator[tuple[Transition, Targets]]:
        while True:
            seed = int(np.random.SeedSequence((self.seed, self.rank, self.drawn)).generate_state(1)[0])
            batch = self.draw(self.num_states, self.num_outcomes, seed)
            if self.drawn == self.poisoned:
                batch.after["points"][0, 0, 0, 0] = torch.nan
            self.drawn += 1
            yield batch, Targets(*[torch.zeros(1)] * 5)

    def state_dict(self) -> dict[str, Any]:
        return {"drawn": self.drawn}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.drawn = state["drawn"]

    def close(self) -> None:
        self.closed = True
