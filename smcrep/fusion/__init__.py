"""Fusion rules: beliefs of the senses -> one embedding, and how much each sense counted. One file a rule."""

from collections.abc import Callable

from torch import Tensor

from smcrep.fusion.equal import equal_precision
from smcrep.fusion.precision import precision_weighted
from smcrep.transition import Beliefs

RULES: dict[str, Callable[[Beliefs], tuple[Tensor, Tensor]]] = {
    "precision": precision_weighted,
    "equal": equal_precision,
}
"""By the name that `ModelConfig.fusion` gives; add your own."""


def rule(name: str) -> Callable[[Beliefs], tuple[Tensor, Tensor]]:
    """The rule of that name; ValueError in one line where there is none."""
    if name not in RULES:
        raise ValueError(f"fusion: there is no rule {name!r}; choose one of {', '.join(RULES)}, or add yours to RULES")
    return RULES[name]


__all__ = ["RULES", "equal_precision", "precision_weighted", "rule"]
