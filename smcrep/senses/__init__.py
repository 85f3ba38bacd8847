"""Senses: one file each, and the table by which everything else finds them.

    from smcrep.senses import SENSES, Sense, register

`SENSES` maps a name to its `Sense`; `register` adds one from your own file (see examples/own_sense.py).
"""

from smcrep.senses.depth import DEPTH, DepthSettings
from smcrep.senses.mask import MASK, MaskSettings
from smcrep.senses.points import POINTS, PointsSettings
from smcrep.senses.rgb import RGB, RGBSettings
from smcrep.senses.sense import Array, Frozen, Rendered, Resolution, Sense, SenseSettings, SenseTable, prepared_name

SENSES = SenseTable()
for _sense in (RGB, POINTS, DEPTH, MASK):
    SENSES.register(_sense)
SENSES.seal()
register = SENSES.register

DEFAULT_SENSES = (RGB.name, POINTS.name)
"""Those of a model whose configuration names none."""

__all__ = [
    "DEFAULT_SENSES",
    "DEPTH",
    "MASK",
    "POINTS",
    "RGB",
    "SENSES",
    "Array",
    "DepthSettings",
    "Frozen",
    "MaskSettings",
    "PointsSettings",
    "RGBSettings",
    "Rendered",
    "Resolution",
    "Sense",
    "SenseSettings",
    "SenseTable",
    "prepared_name",
    "register",
]
