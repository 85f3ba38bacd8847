"""Group laws of a predictor (is it an action of the group?) and its gain over predicting no change."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.probes.inputs import finite
from smcrep.probes.intervals import Estimate, over_units


@dataclass(frozen=True)
class GroupLaws:
    """Mean residuals of the group laws, over the mean displacement |z' - z| that the actions cause: 0 is exact, 1 the
    error of predicting no change. A predictor that ignores the action has residuals 0: read them only together with
    ``gain``."""

    identity: Estimate  # |P(z, e) - z|
    inverse: Estimate  # |P(P(z, a), a^-1) - z|
    composition: Estimate  # |P(P(z, a), b) - P(z, a then b)|
    loop: Estimate  # |P(P(P(P(z, a), b), c), (a then b then c)^-1) - z|: four actions that compose to the identity
    gain: Estimate  # cos(z', P(z, a)) - cos(z', z)


def group_laws(
    predict: Callable[[Tensor, Any], Tensor],
    z: Tensor,
    first: Any,
    second: Any,
    third: Any,
    outcome: Tensor,
    groups: np.ndarray | None = None,
) -> GroupLaws:
    """Residuals of P = ``predict``: (z [n, d], actions [n]) -> [n, d].

    z        [n, d] embeddings before;  outcome [n, d]: embeddings observed after ``first``.
    first    n actions with ``inverse()`` and ``then(other)`` (`geometry.Action`, rigid kinds).
    second   n actions in the coordinates of the outcomes of ``first``; not all about one axis, else a wrong order
             of composition goes unnoticed. ``third``: the same, from the outcomes of ``second``.
    groups   [n], the unit of the intervals.
    """
    finite("group_laws", z=z.numpy(force=True), outcome=outcome.numpy(force=True))
    with torch.no_grad():
        moved = predict(z, first)
        moved_twice = predict(moved, second)
        whole = first.then(second)
        residuals = {
            "identity": predict(z, first.then(first.inverse())) - z,
            "inverse": predict(moved, first.inverse()) - z,
            "composition": moved_twice - predict(z, whole),
            "loop": predict(predict(moved_twice, third), whole.then(third).inverse()) - z,
        }
        displacement = (outcome - z).norm(dim=-1).double().numpy(force=True)
        gained = gain(z, moved, outcome).numpy(force=True)
    if not displacement.mean() > 1e-9:
        raise ValueError(
            "group_laws: the actions move no embedding, so residuals have no scale; probe an encoder that sees them"
        )
    laws = {
        name: over_units(
            np.stack([residual.norm(dim=-1).double().numpy(force=True), displacement], 1),
            groups,
            statistic=lambda means: means[..., 0] / means[..., 1],
        )
        for name, residual in residuals.items()
    }
    return GroupLaws(**laws, gain=over_units(gained, groups))


def gain(z: Tensor, predicted: Tensor, outcome: Tensor) -> Tensor:
    """[...]: cos(outcome, predicted) - cos(outcome, z), of [..., d]; above 0 where the prediction beats no change."""
    return F.cosine_similarity(outcome, predicted, -1) - F.cosine_similarity(outcome, z, -1)
