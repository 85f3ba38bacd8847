"""Relative rotation by search: the predictor is queried for every rotation, and the embedding after decides."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.evaluation.encoded import Encoded
from smcrep.geometry.action import KINDS, Action
from smcrep.geometry.rotations import nearest_rotation, rotation_grid, rotvec_to_rotation
from smcrep.models.model import SensorimotorModel
from smcrep.transition import FUSED

NUM_BEST = 8
TRIALS = 256
WIDTHS_DEG = (12.0, 4.0)


@torch.no_grad()
def pose_search(
    model: SensorimotorModel,
    encoded: Encoded,
    sources: Sequence[str] = (FUSED,),
    *,
    num_rotations: int = 4096,
    seed: int = 0,
) -> np.ndarray:
    """float64 [s, 3, 3]: R2 R1^T in the camera's frame, from the observation before to the first outcome of each state.

    Where the object is held and how far that point moved are known to who holds it; the turn is searched: over a grid
    of all rotations, then twice around the best ones so far, by the cosine between what is predicted and what is seen,
    both ways: the turn from before to after, and its inverse back. The cosines of all ``sources`` (senses, or "fused")
    are added up: what several predictors find independently is seldom the error of one.
    """
    grid = torch.from_numpy(rotation_grid(num_rotations)).float()
    generator = torch.Generator().manual_seed(seed)
    views = {source: encoded.equivariant(source)[:, :2] for source in sources}
    found = []
    for i, action in enumerate(_each(encoded.action[:, 0])):
        pairs = {source: z[i] for source, z in views.items()}
        found.append(search_turn(model, pairs, action, grid, generator))
    return torch.stack(found).numpy()


@torch.no_grad()
def search_turn(
    model: SensorimotorModel, pairs: dict[str, Tensor], action: Action, grid: Tensor, generator: torch.Generator
) -> Tensor:
    """float64 [3, 3]: the turn of one object, as `pose_search` finds it.

    pairs   source -> equivariant part before and after [2, e].
    action  [] of which only what its holder knows is read: where it is held, and how far that point moves.
    grid    float32 [r, 3, 3] rotations that are tried first.
    """
    best = coarse_to_fine(lambda rotations: _best(model, pairs, action, rotations), grid, generator)
    closest = best[:1] @ best.mT  # of two answers far apart (a symmetry) the mean would be neither
    near = closest.diagonal(dim1=-2, dim2=-1).sum(-1) > 1 + 2 * np.cos(np.radians(2 * WIDTHS_DEG[0]))
    return nearest_rotation(best[near].double().mean(0))


def coarse_to_fine(
    best: Callable[[Tensor], Tensor], grid: Tensor, generator: torch.Generator, *, num_trials: int = TRIALS
) -> Tensor:
    """[b, 3, 3]: the best rotations, of ``grid`` [r, 3, 3] first, then twice of ``num_trials`` around each of the best
    so far. ``best``: rotations [n, 3, 3] -> the `NUM_BEST` best of them, the first before all others."""
    found = best(grid)
    for width in WIDTHS_DEG:
        vectors = torch.randn(num_trials, NUM_BEST, 3, generator=generator) / 3**0.5
        turns = rotvec_to_rotation(np.radians(width) * vectors)
        found = best(torch.cat([found, (turns @ found).flatten(0, 1)]))
    return found


def turn_between(
    model: SensorimotorModel, now: Tensor, goal: Tensor, held: Tensor, grid: Tensor, generator: torch.Generator
) -> Tensor:
    """float64 [n, 3, 3], camera frame: the turn about ``held`` [n, 3] (metres, camera frame) that leads from what fused
    embeddings [n, d] say now to the goal, as `search_turn` finds it. No demonstration is needed."""
    kind, still, zero = torch.tensor(KINDS.index("turn")), torch.eye(4), torch.zeros(3)
    pairs = torch.stack([now, goal], 1)[..., model.config.invariant_dim :]
    actions = [Action(kind, still, where, zero, zero[0]) for where in held]
    turns = [search_turn(model, {FUSED: z}, a, grid, generator) for z, a in zip(pairs, actions, strict=True)]
    return torch.stack(turns)


def _each(action: Action) -> list[Action]:
    return [action[i] for i in range(len(action.kind))]


def _best(model: SensorimotorModel, pairs: dict[str, Tensor], action: Action, rotations: Tensor) -> Tensor:
    """Those of ``rotations`` [n, 3, 3] that fit best; ``pairs``: source -> [2, 3 v], seen before and after."""
    n = len(rotations)
    moved = (action.motion[:3, :3] @ action.contact) + action.motion[:3, 3]
    motion = torch.eye(4).repeat(n, 1, 1)
    motion[:, :3, :3] = rotations
    motion[:, :3, 3] = moved - rotations @ action.contact
    query = Action(
        torch.full((n,), KINDS.index("turn")),
        motion,
        action.contact.expand(n, 3),
        action.force.expand(n, 3),
        action.duration.expand(n),
    )
    condition, back = model.condition(query), model.condition(query.inverse())
    agreement = torch.zeros(n)
    for source, (before, after) in pairs.items():
        agreement += F.cosine_similarity(model.predict(source, before.expand(n, -1), condition), after[None], dim=-1)
        agreement += F.cosine_similarity(model.predict(source, after.expand(n, -1), back), before[None], dim=-1)
    return rotations[agreement.topk(NUM_BEST).indices]
