"""Fusion rules: beliefs of the senses -> one embedding, and how much each sense counted. One file a rule; a head is a
rule with weights."""

from collections.abc import Callable

from torch import Tensor, nn

from smcrep.fusion.blue import best_linear, best_linear_claim, blue, blue_claim, estimate_correlation
from smcrep.fusion.causal import causal_inference, causal_inference_claim, subset_posterior
from smcrep.fusion.covariance_intersection import (
    covariance_intersection,
    covariance_intersection_claim,
    covariance_intersection_trace,
    covariance_intersection_trace_claim,
)
from smcrep.fusion.equal import equal_claim, equal_precision
from smcrep.fusion.field import FieldConstants, FieldPercept, field_fuse, gaussian_drives
from smcrep.fusion.gate import disagree, disagreement, gated, gated_claim
from smcrep.fusion.graph import geodesic_distances, knn_volumes, voronoi_volumes
from smcrep.fusion.head import DirectionHead
from smcrep.fusion.informative import informative
from smcrep.fusion.mixture import mixture, mixture_claim
from smcrep.fusion.parts import by_part
from smcrep.fusion.precision import precision_weighted, product_claim
from smcrep.fusion.switching import SwitchCurve, switch_curve
from smcrep.fusion.von_mises_fisher import von_mises_fisher, von_mises_fisher_claim
from smcrep.transition import Beliefs

RULES: dict[str, Callable[[Beliefs], tuple[Tensor, Tensor]]] = {
    "precision": precision_weighted,
    "equal": equal_precision,
    "mixture": mixture,
    "gate": gated,
    "blue": blue(),
    "covariance_intersection": covariance_intersection,
    "covariance_intersection_trace": covariance_intersection_trace,
    "causal": causal_inference,
    "von_mises_fisher": von_mises_fisher,
}
"""By the name that `ModelConfig.fusion` gives; add your own."""

CLAIMS: dict[str, Callable[[Beliefs], Tensor]] = {
    "precision": product_claim,
    "equal": equal_claim,
    "mixture": mixture_claim,
    "gate": gated_claim,
    "blue": blue_claim(),
    "covariance_intersection": covariance_intersection_claim,
    "covariance_intersection_trace": covariance_intersection_trace_claim,
    "causal": causal_inference_claim,
    "von_mises_fisher": von_mises_fisher_claim,
}
"""By the name of the rule: the log-precision of its result that it claims, [..., d] or [..., 1]."""


HEADS: dict[str, Callable[[int, int, int], nn.Module]] = {"directions": DirectionHead}
"""Rules with weights, which are saved with a model: (senses, numbers of the invariant part, numbers of the equivariant
part) -> head. `ModelConfig.fusion` names them beside RULES."""


def rule(name: str) -> Callable[[Beliefs], tuple[Tensor, Tensor]]:
    """The rule of that name; ValueError in one line where there is none."""
    if name not in RULES:
        raise ValueError(
            f"fusion: there is no rule {name!r}; choose one of {', '.join([*RULES, *HEADS])}, or add yours to RULES"
        )
    return RULES[name]


def claimed_precision(name: str, beliefs: Beliefs) -> Tensor:
    """Log-precision [..., d] or [..., 1] that the rule of that name claims; ValueError if it claims none."""
    if name not in CLAIMS:
        raise ValueError(f"fusion: no rule {name!r} says what it claims; choose one of {', '.join(CLAIMS)}")
    return CLAIMS[name](beliefs)


__all__ = [
    "CLAIMS",
    "HEADS",
    "RULES",
    "DirectionHead",
    "FieldConstants",
    "FieldPercept",
    "SwitchCurve",
    "best_linear",
    "best_linear_claim",
    "blue",
    "blue_claim",
    "by_part",
    "causal_inference",
    "causal_inference_claim",
    "claimed_precision",
    "covariance_intersection",
    "covariance_intersection_claim",
    "covariance_intersection_trace",
    "covariance_intersection_trace_claim",
    "disagree",
    "disagreement",
    "equal_claim",
    "equal_precision",
    "estimate_correlation",
    "field_fuse",
    "gated",
    "gated_claim",
    "gaussian_drives",
    "geodesic_distances",
    "informative",
    "knn_volumes",
    "mixture",
    "mixture_claim",
    "precision_weighted",
    "product_claim",
    "rule",
    "subset_posterior",
    "switch_curve",
    "von_mises_fisher",
    "von_mises_fisher_claim",
    "voronoi_volumes",
]
