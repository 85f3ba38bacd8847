"""What a signal is replaced with, and how much of the score that costs.

Values of other rows (`derangement` within a stratum, `matched_state`) stay on the manifold of the data; zeros, means
and a learned constant do not, and a model can do badly on them for that reason alone.
"""

import torch
from torch import Tensor

from smcrep.probes.collapse.adapter import Adapter, Batch
from smcrep.probes.intervals import Estimate, over_units


def drop(adapter: Adapter, batch: Batch, replaced: Batch) -> Tensor:
    """float64 [b]: score with the true signals minus score with the replaced ones. Its mean is near 0 for a signal that
    is not used, and has the size of its use; `drop_estimate` gives it an interval. Cost: 2 passes.

    What it cannot see: use of a signal that another one repeats (`shapley` splits it); wrong use, which can make the
    drop negative; anything at all where the score is at chance.
    """
    with torch.no_grad():
        true, other = adapter.score(batch, {}), adapter.score(batch, replaced)
    return true.double() - other.double()


def drop_estimate(adapter: Adapter, batch: Batch, replaced: Batch, units: Tensor | None = None) -> Estimate:
    """Mean drop with its interval over ``units`` [b] (object or state of each row; None: every row is one)."""
    return over_units(drop(adapter, batch, replaced).cpu().numpy(), None if units is None else units.cpu().numpy())


def permuted(batch: Batch, name: str, index: Tensor) -> dict[str, Tensor]:
    """The signal ``name`` of row i replaced by that of row ``index[i]``, for `Adapter.score`."""
    return {name: batch[name][index.to(batch[name].device)]}


def derangement(strata: Tensor, generator: torch.Generator) -> Tensor:
    """int64 [b]: for each row another row of its stratum, each once (a random cycle in each stratum), so that no row
    keeps its signal and the pair (stratum, signal) could have been met in the data.

    strata  int64 [b], such as the environment or the class of object; all equal for a plain permutation.

    Two rows of a stratum that hold the same signal exchange nothing, which makes use read too small: where a signal
    takes few values, let each row get another value.
    """
    index = torch.empty_like(strata)
    for stratum in strata.unique():
        rows = (strata == stratum).nonzero().squeeze(1)
        if len(rows) < 2:
            raise ValueError(
                f"derangement: stratum {int(stratum)} has 1 row, which has no other to take a signal from; leave out "
                "such rows or make strata coarser"
            )
        rows = rows[torch.randperm(len(rows), generator=generator).to(rows.device)]
        index[rows] = rows.roll(1)
    return index


def matched_state(state: Tensor, signal: Tensor, *, least_change: float = 0.0) -> tuple[Tensor, Tensor]:
    """For each row the row of the nearest state whose signal is another: int64 [b], and the distance of the states [b].

    state         [b, d], scaled so that a distance of 1 is as much in each dimension.
    signal        [b, ...]; rows count as other ones if their signals are farther apart than ``least_change``.

    Counterfactuals from logged data, without a simulator. Weaker than exact branches of one state: states that match
    differ in what is not part of ``state``, and a logged signal was chosen by somebody who saw the state. Keep rows
    whose distance is small, and say how many those are. A row without any other signal has distance inf and index i.
    """
    distance, apart = _distances(state), _distances(signal.flatten(1))
    distance = distance.masked_fill(apart <= least_change, torch.inf).fill_diagonal_(torch.inf)
    nearest, index = distance.min(1)
    return torch.where(nearest.isinf(), torch.arange(len(state), device=state.device), index), nearest


def zero_values(batch: Batch, name: str) -> dict[str, Tensor]:
    """The signal replaced by zeros, which may be a value like any other (no motion), or one never met."""
    return {name: torch.zeros_like(batch[name])}


def mean_values(batch: Batch, name: str, reference: Tensor) -> dict[str, Tensor]:
    """The signal replaced by its mean over ``reference`` [r, ...], rows of training: of pictures a grey blur."""
    return {name: reference.mean(0, dtype=torch.float64).to(batch[name].dtype).expand_as(batch[name])}


def learned_constant(
    adapter: Adapter, batch: Batch, name: str, start: Tensor, *, num_steps: int = 200, lr: float = 0.05
) -> dict[str, Tensor]:
    """The signal replaced by the one constant with which the model scores best (optimal ablation, arXiv:2409.09951),
    found by Adam from ``start`` [...], a value of the signal in floating point: what is lost then is what
    only the signal's variation can bring. Fit it on other rows than those that are scored.

    What it cannot see: a better constant elsewhere, as the search is local; it needs a score with a gradient.
    """
    constant = start.detach().clone().requires_grad_()
    optimiser = torch.optim.Adam([constant], lr=lr)
    for _ in range(num_steps):
        optimiser.zero_grad()
        loss = -adapter.score(batch, {name: constant.expand_as(batch[name])}).mean()
        constant.grad = torch.autograd.grad(loss, constant)[0]  # the model's own gradients stay as they are
        optimiser.step()
    return {name: constant.detach().expand_as(batch[name])}


def _distances(x: Tensor) -> Tensor:
    """float64 [b, b]; exactly 0 between equal rows, which the way by a matrix product does not give."""
    return torch.cdist(x.double(), x.double(), compute_mode="donot_use_mm_for_euclid_dist")
