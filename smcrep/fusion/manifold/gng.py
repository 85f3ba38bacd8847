"""Growing neural gas by batches: units are inserted where the error is largest, edges are learned and forgotten."""

from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from smcrep.fusion.manifold.map import ManifoldMap, squared_distances
from smcrep.fusion.manifold.measure import measured
from smcrep.fusion.manifold.whitening import Whitening, fit_whitening, observations

BATCH = 1024
WINNER_RATE = 0.05  # for each observation that a unit wins
NEIGHBOUR_RATE = 0.03  # for each that a neighbour wins
MAX_AGE = 100  # wins of its two ends since an edge joined the two nearest units of an observation


@dataclass
class Gas:
    """units [n, d]; age [n, n] of each edge, in wins; infinite where there is none."""

    units: Tensor
    age: Tensor

    @property
    def adjacent(self) -> Tensor:
        return self.age.isfinite().to(self.units)


def fit_gng(
    x: Tensor,
    *,
    num_units: int = 64,
    dims: int = 2,
    num_passes: int = 20,
    blocks: tuple[int, ...] = (),
    whitening: Whitening | None = None,
    generator: torch.Generator,
) -> ManifoldMap:
    """Map of observations x [b, d] on a graph that grows (Fritzke 1995), with positions in ``dims`` dimensions.

    num_units   at most; they are inserted in the first half of the batches.
    num_passes  over x, in batches of BATCH in a new order each time.
    blocks      sizes of the senses that x is made of (`fit_whitening`).
    whitening   given where several maps are to be compared; otherwise fitted on x.
    generator   draws the first units and the order of the observations.
    """
    x = observations(x, dims=dims, num_units=num_units)
    whitening = whitening or fit_whitening(x, blocks)
    white = (x - whitening.mean) / whitening.scale
    first = torch.randperm(len(x), generator=generator)[:2].to(x.device)
    gas = Gas(white[first], x.new_tensor([[torch.inf, 0], [0, torch.inf]]))
    growing = ceil(num_passes * ceil(len(x) / BATCH) / 2)
    batches = 0
    for _ in range(num_passes):
        order = torch.randperm(len(x), generator=generator).to(x.device)
        for part in order.split(BATCH):
            gas, error = adapted(gas, white[part])
            batches += 1
            wanted = min(num_units, 2 + ceil((num_units - 2) * batches / growing))
            for _ in range(wanted - len(gas.units) if batches <= growing else 0):
                gas, error = grown(gas, error)
    return measured(x, gas.units, gas.adjacent.triu(1).nonzero(), dims=dims, blocks=blocks, whitening=whitening)


def adapted(gas: Gas, x: Tensor) -> tuple[Gas, Tensor]:
    """The gas after a batch x [b, d], and the summed squared distance [n] of what each unit won.

    One observation after the other would move a unit by WINNER_RATE of the way to each that it wins and by
    NEIGHBOUR_RATE of the way to each that a neighbour wins. All at once it moves to their mean weighted by these
    rates, by 1 minus the product of (1 - rate) of all of them. An edge between the two nearest units of an observation
    is made or becomes young; others grow older with every win of their ends, and die beyond MAX_AGE, and with them
    units without any edge.
    """
    n, units, adjacent = len(gas.units), gas.units, gas.adjacent
    distance, nearest = squared_distances(x, units).topk(2, largest=False)
    first, second = nearest.unbind(1)
    wins = torch.bincount(first, minlength=n).to(units)
    sums = torch.zeros_like(units).index_add_(0, first, x)
    error = units.new_zeros(n).index_add_(0, first, distance[:, 0] + x.square().sum(1))

    weight = WINNER_RATE * wins + NEIGHBOUR_RATE * (adjacent @ wins)
    target = (WINNER_RATE * sums + NEIGHBOUR_RATE * (adjacent @ sums)) / weight.clamp_min(1e-12)[:, None]
    stays = (1 - WINNER_RATE) ** wins * (1 - NEIGHBOUR_RATE) ** (adjacent @ wins)
    units = torch.where(weight[:, None] > 0, target + stays[:, None] * (units - target), units)

    age = gas.age + wins[:, None] + wins
    age[first, second] = age[second, first] = 0
    age = age.masked_fill(age > MAX_AGE, torch.inf)
    alive = age.isfinite().any(1)
    return Gas(units[alive], age[alive][:, alive]), error[alive]


def grown(gas: Gas, error: Tensor) -> tuple[Gas, Tensor]:
    """One unit more, in the middle between the unit with the largest error and its neighbour with the largest; both
    pass on half of theirs."""
    worst = int(error.argmax())
    other = int(torch.where(gas.age[worst].isfinite(), error, -1).argmax())
    n = len(gas.units)
    age = gas.age.new_full((n + 1, n + 1), torch.inf)
    age[:n, :n] = gas.age
    age[worst, other] = age[other, worst] = torch.inf
    for end in (worst, other):
        age[end, n] = age[n, end] = 0
    error = error.clone()
    error[[worst, other]] /= 2
    units = torch.cat([gas.units, (gas.units[[worst, other]]).mean(0, keepdim=True)])
    return Gas(units, age), torch.cat([error, error[worst, None]])
