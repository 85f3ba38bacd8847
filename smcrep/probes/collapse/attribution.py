"""Attribution of a model's score to its signals: integrated gradients (captum's) and GradientSHAP."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from smcrep.probes.collapse.adapter import Adapter, Batch
from smcrep.probes.intervals import Estimate, over_units


def integrated_gradients(
    adapter: Adapter, batch: Batch, baseline: Mapping[str, Tensor], *, num_steps: int = 32
) -> dict[str, np.ndarray]:
    """Signal -> [b], (x - x') times the integral over the straight way from the baseline x' to x of the gradient of the
    score, summed over the signal's numbers (arXiv:1703.01365, eq. 1; Gauss-Legendre, ``num_steps`` gradients). Over all
    signals a row sums to its score minus that with every signal at the baseline (completeness); a difference of
    more than a few percent asks for more steps.

    baseline  signal -> [b, ...]: what its absence looks like (`replacement`: a mean, other rows). Signals in floating
              point.

    What it cannot see: whether the score moves for the right reason; the answer depends on the baseline, and where
    a model saturates, on the way.
    """
    from captum.attr import IntegratedGradients

    inputs, others, forward = _parts(adapter, batch, baseline)
    rows = torch.arange(len(inputs[0]), device=inputs[0].device)
    found = IntegratedGradients(forward).attribute(
        inputs, baselines=others, additional_forward_args=rows, n_steps=num_steps, method="gausslegendre"
    )
    return _by_signal(adapter, found)


def gradient_shap(
    adapter: Adapter,
    batch: Batch,
    baselines: Mapping[str, Tensor],
    *,
    generator: torch.Generator,
    num_samples: int = 32,
) -> dict[str, np.ndarray]:
    """The same as an expectation over baselines, rows [r, ...] of which one is drawn for all signals together, and over
    points drawn uniformly on the way (expected gradients, arXiv:1906.10670; GradientSHAP without noise): a row
    sums, in the mean, to its score minus the mean score over baselines. ``num_samples`` gradients, whose mean has a
    deviation that falls with the root of their number.

    Written here as captum's draws from global generators.
    """
    inputs, others, forward = _parts(adapter, batch, baselines)
    rows, found = torch.arange(len(inputs[0]), device=inputs[0].device), [torch.zeros_like(x) for x in inputs]
    for _ in range(num_samples):
        drawn = torch.randint(len(others[0]), (len(rows),), generator=generator).to(rows.device)
        part = torch.rand(len(rows), generator=generator).to(rows.device)
        away = [x - other[drawn] for x, other in zip(inputs, others, strict=True)]
        points = [
            (x - (1 - part.view(-1, *[1] * (x.ndim - 1))) * a).detach().requires_grad_()
            for x, a in zip(inputs, away, strict=True)
        ]
        slopes = torch.autograd.grad(forward(*points, rows).sum(), points)
        found = [f + a * g / num_samples for f, a, g in zip(found, away, slopes, strict=True)]
    return _by_signal(adapter, found)


def shares(attributions: Mapping[str, np.ndarray], units: np.ndarray | None = None) -> dict[str, Estimate]:
    """Signal -> mean |attribution| over that of all signals together, with its interval over units [b]. Sums to 1.

    What it cannot see: whether all of it is worth anything: a share of a tiny effect is a share."""
    columns = np.abs(np.stack(list(attributions.values()), 1))
    if not columns.mean() > 0:
        raise ValueError("attribution: no signal moves the score at all, so there are no shares; see the audit")
    return {
        name: over_units(columns, units, statistic=lambda means, i=i: means[..., i] / means.sum(-1))
        for i, name in enumerate(attributions)
    }


def _parts(
    adapter: Adapter, batch: Batch, baseline: Mapping[str, Tensor]
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], Callable[..., Tensor]]:
    """Inputs, baselines, and (inputs [n], rows int64 [n] of the batch) -> scores [n]."""
    for name in adapter.signals:
        if name not in batch or name not in baseline or not batch[name].is_floating_point():
            raise ValueError(f"attribution: {name!r} needs values and a baseline in floating point; audit the others")

    def forward(*values: Tensor) -> Tensor:
        *signals, rows = values
        given = {name: value[rows] for name, value in batch.items()}
        return adapter.score(given, dict(zip(adapter.signals, signals, strict=True)))

    return tuple(batch[n] for n in adapter.signals), tuple(baseline[n] for n in adapter.signals), forward


def _by_signal(adapter: Adapter, found: Sequence[Tensor]) -> dict[str, np.ndarray]:
    return {
        name: value.double().flatten(1).sum(1).numpy(force=True)
        for name, value in zip(adapter.signals, found, strict=True)
    }
