"""The vector push world: a point pushes a disc over a table, and the disc another one, quasi-static, in closed form."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

RADIUS_M = 0.1
"""Of both discs."""
START_M = 0.11
"""Of the point from the centre of the first disc."""
REACH_M = 0.2
"""Of a push."""
SUBSTEPS = 8
"""Of a push, in each of which what is in the way gives way."""


def push(state: Tensor, action: Tensor) -> Tensor:
    """Places of both discs afterwards. A point is set down beside the first disc, moves straight, and is taken away;
    what it would enter gives way along the line through both centres, and so does the second disc to the first.

    state   [..., 4]: x, y of the first disc and of the second, in metres.
    action  [..., 4]: where the point starts, from the centre of the first disc (a direction: it is put 1 cm from the
            edge), and how far it moves.
    """
    first, second = state[..., :2], state[..., 2:]
    point = first + START_M * normalize(action[..., :2], dim=-1)
    for _ in range(SUBSTEPS):
        point = point + action[..., 2:] / SUBSTEPS
        first = _given_way(first, point, RADIUS_M)
        second = _given_way(second, first, 2 * RADIUS_M)
    return torch.cat([first, second], -1)


def _given_way(centre: Tensor, by: Tensor, distance_m: float) -> Tensor:
    apart = centre - by
    now = apart.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    return torch.where(now < distance_m, by + apart * (distance_m / now), centre)


def states(num: int, generator: torch.Generator) -> Tensor:
    """[n, 4]: the second disc up to 20 cm from the edge of the first, anywhere around it."""
    first = 0.6 * torch.rand(num, 2, generator=generator) - 0.3
    away = normalize(torch.randn(num, 2, generator=generator), dim=-1)
    return torch.cat([first, first + away * (2 * RADIUS_M + 0.2 * torch.rand(num, 1, generator=generator))], -1)


def actions(*shape: int, generator: torch.Generator) -> Tensor:
    """[..., 4]: any start, and a move more or less towards the disc."""
    start = normalize(torch.randn(*shape, 2, generator=generator), dim=-1)
    ahead = -REACH_M * torch.rand(*shape, 1, generator=generator) * start
    return torch.cat([start, ahead + 0.3 * REACH_M * torch.randn(*shape, 2, generator=generator)], -1)
