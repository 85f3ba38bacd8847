"""The texture of an object, prepared for look-ups at any distance: levels for each chart, and means over patches."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.charts import charts
from smcrep.worlds.rendering.patches import patch_means
from smcrep.worlds.rendering.pyramids import halve, measure

SMALLEST_M2 = 1e-14


@dataclass(frozen=True, eq=False)
class Texture:
    """A texel is red + 2^8 green + 2^16 blue + 2^24 covered (`pyramids`).

    texels       uint32 [...]: the whole texture, then the levels from 1 of each chart
    width        texels of a row of the whole texture
    corner       float32 [f, 6]: texel coordinates (column, row) of each face's first corner, then the edges to the
                 second and to the third
    scale        float32 [f, 2]: texels a square metre of the face, and the square metres of a pixel from which on the
                 chart of the face (the face, where it has one colour) is smaller than the pixel
    chart        int32 [f]
    bounds       int32 [c, 6]: left, top, right and bottom texel that the chart shows, inclusive; its highest level; and
                 the entry of ``level_start`` of its level 0, which is not there
    level_start  int64 [...]: where each level begins in ``texels``
    patches      uint32 [l, f]: mean colours about each face (`patches`)
    cell_m2      float: squared cell of level 1 of the patches
    """

    texels: NDArray[np.uint32]
    width: int
    corner: NDArray[np.float32]
    scale: NDArray[np.float32]
    chart: NDArray[np.int32]
    bounds: NDArray[np.int32]
    level_start: NDArray[np.int64]
    patches: NDArray[np.uint32]
    cell_m2: np.float32

    @property
    def arguments(self) -> tuple[Any, ...]:
        """In the order of `shading.look_up`."""
        return tuple(vars(self).values())

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in vars(self).values() if isinstance(part, np.ndarray))


def prepare(object: ObjectModel) -> Texture:
    """Texels that no face shows count in look-ups only where ``object.painted`` says that they are right as well."""
    height, width = object.texture.shape[:2]
    place = object.uv * np.array([width, -height], np.float32) + np.array([0, height], np.float32)
    edges = place[:, 1:] - place[:, :1]
    corner = np.ascontiguousarray(np.concatenate([place[:, 0], edges[:, 0], edges[:, 1]], 1))
    texels = np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]) / 2
    a, b, c = object.vertices[object.faces.T].astype(np.float64)
    area = np.maximum(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2, SMALLEST_M2)

    chart = charts(object.faces, object.uv, texels)
    order, start = np.argsort(chart, kind="stable"), np.concatenate([[0], np.cumsum(np.bincount(chart))])
    num = len(start) - 1
    used, mean = np.zeros((height, width), np.bool_), np.empty((len(area), 3))
    rectangle, across, highest = np.empty((num, 4), np.int64), np.empty(num), np.zeros(num, np.int64)
    size = measure(object.texture, corner, order, start, used, mean, rectangle, across, highest)
    whole = _packed(object.texture, used | object.painted_rows[:, None])
    packed, level_start = np.empty(whole.size + size, np.uint32), np.empty(highest.sum(), np.int64)
    packed[: whole.size] = whole
    halve(object.texture, corner, order, start, rectangle, highest, whole.size, packed, level_start)

    chart_area, chart_texels = np.bincount(chart, area), np.bincount(chart, texels)
    small = (across**2 * chart_area / np.maximum(chart_texels, 1e-6))[chart]  # a chart ``across`` texels wide
    small = np.where(texels > 1e-3, small, area)  # of one colour: smaller than a pixel where the face is
    means, cell = patch_means(object.vertices, object.faces, mean)
    return Texture(
        texels=packed,
        width=width,
        corner=corner,
        scale=np.stack([texels / area, small], 1).astype(np.float32),
        chart=chart.astype(np.int32),
        bounds=np.column_stack([rectangle, highest, np.cumsum(highest) - highest - 1]).astype(np.int32),
        level_start=level_start,
        patches=np.stack([_packed(np.sqrt(level) * 255 + 0.5, True) for level in means]),
        cell_m2=np.float32(cell**2),
    )


def _packed(colours: np.ndarray, covered: np.ndarray | bool) -> NDArray[np.uint32]:
    """Displayed colours [..., 3] from 0 to 255 as texels [...], flat."""
    red, green, blue = np.moveaxis(colours.astype(np.uint8).astype(np.uint32), -1, 0)
    alpha = np.asarray(covered, np.uint32) * np.uint32(255 << 24)
    return (red | green << np.uint32(8) | blue << np.uint32(16) | alpha).reshape(-1)
