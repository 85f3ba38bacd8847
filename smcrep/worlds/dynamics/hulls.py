"""Convex hulls as solids: faces, centroid and principal moments, in closed form."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from smcrep.worlds.objects.model import ObjectModel

Floats = NDArray[np.float64]

SMALLEST_M = 2e-5
"""Diameter below which a file is taken for one in wrong units."""
LEAST_MOMENT = 1e-4
"""Of the largest principal moment. A rod longer than 120 times its width would turn about its axis faster than any step
can follow: its least moment is raised to this."""


@dataclass(frozen=True, eq=False)
class Hull:
    """In the object's frame, metres.

    points    float64 [h, 3], its corners
    planes    float64 [p, 4]: outward unit normal n and offset d of each face; inside is n x + d <= 0
    centroid  float64 [3]
    axes      float64 [3, 3], the principal axes as columns, determinant +1
    moments   float64 [3], m²: principal moments about the centroid over the mass (see `LEAST_MOMENT`)
    """

    points: Floats
    planes: Floats
    centroid: Floats
    axes: Floats
    moments: Floats

    @property
    def nbytes(self) -> int:
        return self.points.nbytes + self.planes.nbytes + self.centroid.nbytes + self.axes.nbytes + self.moments.nbytes

    @property
    def thickness(self) -> float:
        """Least extent along a principal axis, metres."""
        return float(np.ptp(self.points @ self.axes, axis=0).min())

    def planes_at(self, T_world_object: Floats) -> Floats:
        """``planes`` in world coordinates."""
        normals = self.planes[:, :3] @ T_world_object[:3, :3].T
        return np.column_stack([normals, self.planes[:, 3] - normals @ T_world_object[:3, 3]])


def hull(obj: ObjectModel) -> Hull:
    """The hull of `ObjectModel.hull`. ValueError where the object is too small, or encloses no volume."""
    if obj.diameter < SMALLEST_M:
        raise ValueError(
            f"physics: {obj.name} is {obj.diameter:.2g} m across, below {SMALLEST_M:g} m; give the unit of its file"
            " (data.unit), or skip the mesh"
        )
    try:
        points = obj.hull.astype(np.float64) / obj.diameter  # in diameters: one precision for every size
        faces = ConvexHull(points)
    except QhullError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"physics: {obj.name} encloses no volume ({reason}); repair or skip the mesh") from error
    inside = points.mean(0)
    corners = points[faces.simplices] - inside  # with the point inside, each face makes a tetrahedron
    volumes = np.abs(np.linalg.det(corners)) / 6
    sums = corners.sum(1)
    centroid = volumes @ sums / 4 / volumes.sum()
    # Integral of x xᵀ over a tetrahedron 0, a, b, c of volume V: V / 20 (a aᵀ + b bᵀ + c cᵀ + s sᵀ), s = a + b + c.
    squares = np.einsum("f,fki,fkj->ij", volumes, corners, corners) + np.einsum("f,fi,fj->ij", volumes, sums, sums)
    spread, axes = np.linalg.eigh(squares / 20 / volumes.sum() - np.outer(centroid, centroid))
    axes[:, 0] *= np.sign(np.linalg.det(axes))
    moments = spread.sum() - spread
    return Hull(
        points * obj.diameter,
        np.column_stack([faces.equations[:, :3], faces.equations[:, 3] * obj.diameter]),
        (centroid + inside) * obj.diameter,
        axes,
        np.maximum(moments, LEAST_MOMENT * moments.max()) * obj.diameter**2,
    )
