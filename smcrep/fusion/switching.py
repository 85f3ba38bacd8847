"""When a neural field stops averaging two cues and takes one: the curve of a conflict experiment."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.fusion.field import FieldConstants, field_fuse, gaussian_drives


@dataclass(frozen=True)
class SwitchCurve:
    """Two cues c disparities apart on a ring, in two orders: the first cue on the left (row 0) or on the right (row 1).

    disparity  [c] radians.
    percept    [2, c] radians from the middle of the cues, to the right; NaN where there is no bump.
    product    [2, c] radians: the precision-weighted mean, what a product of Gaussians says.
    num_peaks  int64 [2, c].
    switch     [2] radians: the smallest disparity at which percept and product differ by more than the tolerance; inf
               where they never do.
    """

    disparity: Tensor
    percept: Tensor
    product: Tensor
    num_peaks: Tensor
    switch: Tensor


def switch_curve(
    disparity: Tensor,
    share: float,
    *,
    tolerance: float = 0.05,
    num_units: int = 180,
    constants: FieldConstants | None = None,
) -> SwitchCurve:
    """The field's percept of two cues as they move apart; see `SwitchCurve`.

    disparity  [c] radians, ascending, below pi.
    share      of the first cue in the sum of the two precisions, 0..1.
    tolerance  radians.
    """
    unit = ring(num_units, disparity)
    positions = torch.stack([unit.cos(), unit.sin()], -1)
    between = _angle_between(unit[:, None], unit)
    log_precision = torch.tensor([share, 1 - share], dtype=disparity.dtype).log().expand(len(disparity), 2)
    percepts, products, peaks = [], [], []
    for side in (-0.5, 0.5):
        cues = torch.stack([side * disparity, -side * disparity], -1)
        drives = gaussian_drives(_angle_between(cues[..., None], unit), log_precision)
        percept = field_fuse(positions, between, drives, constants=constants)
        angle = torch.atan2(percept.position[:, 1], percept.position[:, 0])
        percepts.append(torch.where(percept.num_peaks > 0, angle, torch.nan))
        products.append(share * cues[:, 0] + (1 - share) * cues[:, 1])
        peaks.append(percept.num_peaks)
    percept, product = torch.stack(percepts), torch.stack(products)
    left = ~((percept - product).abs() <= tolerance)
    switch = torch.where(left, disparity, torch.inf).amin(-1)
    return SwitchCurve(disparity, percept, product, torch.stack(peaks), switch)


def ring(num_units: int, like: Tensor) -> Tensor:
    """Angles [n] of units evenly around a circle, radians from -pi, symmetric about 0."""
    return (torch.arange(num_units, dtype=like.dtype, device=like.device) + 0.5) / num_units * 2 * math.pi - math.pi


def _angle_between(a: Tensor, b: Tensor) -> Tensor:
    return (torch.remainder(a - b + math.pi, 2 * math.pi) - math.pi).abs()
