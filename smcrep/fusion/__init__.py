"""Fusion heads: beliefs of the senses -> one embedding, and how much each sense counted."""

from smcrep.fusion.equal import equal_precision
from smcrep.fusion.precision import precision_weighted

FUSION = {"precision": precision_weighted, "equal": equal_precision}

__all__ = ["FUSION", "equal_precision", "precision_weighted"]
