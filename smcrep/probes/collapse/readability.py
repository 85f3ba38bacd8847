"""How much of a signal a linear map reads from features: of the other signals, of an embedding, of each layer."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from torch import Tensor, nn

from smcrep.probes.collapse.adapter import Batch
from smcrep.probes.inputs import CONSTANT, finite, scaled
from smcrep.probes.intervals import Estimate, over_units

STRENGTHS = tuple(10.0**power for power in range(-2, 6))
"""Penalties that are tried; the one that best predicts left-out training rows is taken (by generalised
cross-validation)."""


def readable(
    features: np.ndarray, signal: np.ndarray, units: np.ndarray | None = None, *, num_folds: int = 5
) -> Estimate:
    """R2 of the signal [n, ...] by ridge regression on features [n, ...]: 1 - sum of squared errors over the sum of
    squares about the mean of the training rows, both over all dimensions of the signal, each scaled to unit variance.
    Units (state, object) are dealt to folds, and each fold is predicted by a map that was fitted on the others. 0 for
    features that say nothing (a little below: the fit costs something), 1 at best; dimensions of the signal that do not
    vary are left out. Interval over units.

    What it cannot see: relations that are not linear; and that what can be read need not be used.
    """
    x, y = (np.asarray(v, np.float64).reshape(len(v), -1) for v in (features, signal))
    finite("readable", features=x, signal=y)
    names, member = np.unique(np.arange(len(x)) if units is None else np.asarray(units), return_inverse=True)
    if len(x) != len(y) or len(member.ravel()) != len(x) or len(names) < 2:
        raise ValueError(
            f"readable: {len(x)} features, {len(y)} signals, {len(names)} units; give one of each a row, and 2 units"
        )
    y = y[:, y.std(0) > CONSTANT * np.maximum(np.abs(y.mean(0)), y.std(0).max(initial=0))]
    if not y.shape[1]:
        raise ValueError("readable: the signal is the same in all rows, so there is nothing to read")
    fold = np.random.default_rng(0).permutation(len(names))[member.ravel()] % min(num_folds, len(names))
    sums = np.empty((len(x), 2))
    for held in np.unique(fold):
        train, test = fold != held, fold == held
        (x_train, x_test), (y_train, y_test) = scaled(x[train], x[test]), scaled(y[train], y[test])
        found = RidgeCV(STRENGTHS).fit(x_train, y_train).predict(x_test).reshape(y_test.shape)
        sums[test] = np.stack([np.square(y_test - found).sum(-1), np.square(y_test).sum(-1)], 1)
    return over_units(sums, units, statistic=lambda means: 1 - means[..., 0] / means[..., 1])


def readable_by_layer(
    module: nn.Module,
    run: Callable[[Batch], object],
    batch: Batch,
    signal: str,
    layers: tuple[str, ...],
    units: np.ndarray | None = None,
) -> Mapping[str, Estimate]:
    """Layer -> `readable` of the signal in what the layer puts out, in the order of ``layers``: where on its way a
    signal is lost.

    run     batch -> anything; one forward pass of ``module`` over all rows.
    layers  names of submodules (``module.named_modules()``), each called once in a pass, with outputs [b, ...].
    """
    known, outputs = dict(module.named_modules()), dict[str, Tensor]()
    if unknown := [name for name in layers if name not in known]:
        raise ValueError(f"readable_by_layer: no layer {unknown[0]!r}; the module has {', '.join(filter(None, known))}")

    def keep(name: str) -> Callable[..., None]:
        return lambda layer, inputs, output: outputs.__setitem__(name, output.detach().flatten(1))

    hooks = [known[name].register_forward_hook(keep(name)) for name in layers]
    try:
        with torch.no_grad():
            run(batch)
    finally:
        for hook in hooks:
            hook.remove()
    true = batch[signal].numpy(force=True)
    return {name: readable(outputs[name].numpy(force=True), true, units) for name in layers}
