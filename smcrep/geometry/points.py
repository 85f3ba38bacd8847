"""Point sets: how far apart they are, which of their points stand alone, which are spread over them, and how some
points stand in for others."""

import torch
from torch import Tensor

NUM_REFERENCES = 128
"""Points of a set against which isolation is measured: 5,000 points do not need their 25 million distances."""


def chamfer(a: Tensor, b: Tensor, *, share: float = 1.0) -> Tensor:
    """float32 [...]: mean over the points of a [..., n, 3] of the distance to the nearest point of b [..., m, 3], plus
    the same from b to a; leading axes broadcast (Fan et al., arXiv:1612.00603, eq. 1, with means for sums and distances
    for their squares).

    share  of the points of either set, those that are nearest to the other, over which the mean goes: below 1 for
           clouds that see different sides of a thing (the trimming of Chetverikov et al., ICPR 2002).
    """
    distance = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    return _trimmed_mean(distance.amin(-1), share) + _trimmed_mean(distance.amin(-2), share)


def _trimmed_mean(distance: Tensor, share: float) -> Tensor:
    number = max(1, round(share * distance.shape[-1]))
    return distance.topk(number, largest=False).values.mean(-1)


def farthest_points(points: Tensor, num: int) -> Tensor:
    """int64 [b, min(num, n)]: numbers of points of [b, n, 3], each the farthest from those before it (Gonzalez, TCS 38,
    1985; Eldar et al., IEEE TIP 6, 1997), beginning with the farthest from the middle of their box: the same points in
    any order and however many copies there are, which come after all others."""
    num_batch, num_points = points.shape[:2]
    middle = (points.amax(1, keepdim=True) + points.amin(1, keepdim=True)) / 2
    distance = (points - middle).square().sum(-1)
    found = torch.empty(num_batch, min(num, num_points), dtype=torch.int64, device=points.device)
    for i in range(found.shape[1]):
        found[:, i] = distance.argmax(-1)
        chosen = points.gather(1, found[:, i, None, None].expand(-1, -1, 3))
        own = (points - chosen).square().sum(-1)
        distance = own if i == 0 else torch.minimum(distance, own)
    return found


def repeated(points: Tensor) -> Tensor:
    """bool [b, n]: points of [b, n, 3] that equal an earlier one of their set."""
    # Equal points have equal keys, so they are neighbours once sorted by it; irrational, so hardly any others are.
    order = (points * points.new_tensor([1.0, 0.7548777, 0.5698403])).sum(-1).argsort(dim=-1, stable=True)
    in_order = points.gather(1, order[..., None].expand_as(points))
    again = torch.zeros_like(order, dtype=torch.bool)
    again[:, 1:] = (in_order[:, 1:] == in_order[:, :-1]).all(-1)
    return torch.zeros_like(again).scatter(1, order, again)


def isolation(
    points: Tensor, left_out: Tensor, *, num_neighbours: int, num_passes: int, limit: float, alarm: float
) -> Tensor:
    """bool [b, n]: points of [b, n, 3] whose ``num_neighbours``-th nearest other one is farther than ``limit`` times
    the median of that in its set; none where a set has too few, or none beyond ``alarm`` times the median: so the ends
    of thin parts stay where nothing is astray. Points ``left_out`` (bool [b, n]) are neighbours of none, and the
    median is without them; so are, in each further pass, those found before: stray points may keep each other company.
    The same for any order of the points, any rigid motion and any unit.
    """
    distance, neighbour = _neighbours(points, left_out, num_passes * num_neighbours)
    isolated = torch.zeros_like(left_out)
    astray = torch.ones_like(left_out[:, :1])
    for number in range(num_passes):
        gone = (left_out | isolated).gather(1, neighbour.flatten(1)).view_as(neighbour)
        nearest = distance.masked_fill(gone, torch.inf).sort(-1).values[..., num_neighbours - 1]
        usual = nearest.masked_fill(left_out | isolated, torch.nan).nanmedian(-1, keepdim=True).values
        if number == 0:
            astray = ((nearest > alarm * usual) & ~left_out).any(-1, keepdim=True)
        isolated = isolated | (astray & (nearest > limit * usual) & ~left_out)  # nothing is farther than infinity
    return isolated


def _neighbours(points: Tensor, left_out: Tensor, num_neighbours: int) -> tuple[Tensor, Tensor]:
    """Distances (rising, infinite where there are too few) and numbers [b, n, num_neighbours] of the nearest other
    points, among `NUM_REFERENCES` that are not ``left_out``, evenly by their distance from the centre."""
    num = (~left_out).sum(1, keepdim=True)
    centre = torch.where(left_out[..., None], 0, points).sum(1, keepdim=True) / num.clamp(min=1)[..., None]
    outward = (points - centre).norm(dim=-1).masked_fill(left_out, torch.inf).argsort(dim=-1)
    num_references = min(points.shape[1], NUM_REFERENCES)
    rank = torch.arange(num_references, device=points.device)
    chosen = outward.gather(1, rank * num.clamp(min=num_references) // num_references)
    references = points.gather(1, chosen[..., None].expand(-1, -1, 3))
    references = references.masked_fill((rank >= num)[..., None], torch.inf)
    distance = torch.cdist(points, references, compute_mode="donot_use_mm_for_euclid_dist")
    distance.masked_fill_(distance == 0, torch.inf)  # the point itself
    nearest = distance.topk(min(num_neighbours, num_references), largest=False)
    missing = num_neighbours - nearest.values.shape[-1]
    padded = torch.nn.functional.pad(nearest.values, (0, missing), value=torch.inf)
    index = torch.nn.functional.pad(nearest.indices, (0, missing))
    return padded, chosen.gather(1, index.flatten(1)).view_as(index)


def filled(points: Tensor, left_out: Tensor) -> Tensor:
    """``points`` [b, n, 3] with those ``left_out`` (bool [b, n]) replaced by copies of the others, as many of each;
    sets of which all are left out stay as they are."""
    num = (~left_out).sum(1, keepdim=True)
    num = torch.where(num == 0, points.shape[1], num)
    order = left_out.long().argsort(dim=1, stable=True)
    copied = order.gather(1, (left_out.cumsum(1) - 1).clamp(min=0) % num)
    return torch.where(left_out[..., None], points.gather(1, copied[..., None].expand_as(points)), points)
