"""An object of the world: a textured triangle mesh in metres, centred, with its physics."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import trimesh
from scipy.spatial import ConvexHull

from smcrep.geometry.physics import Physics

MAX_HULL_POINTS = 64
"""MuJoCo's time for a contact grows with the vertices of the hull; 64 keep a round body round to a few per cent."""


@dataclass(frozen=True, eq=False)
class ObjectModel:
    """A rigid object in its own frame: metres, origin at the centre of its bounding box, z up in the canonical pose.

    vertices  float32 [v, 3]
    faces     int32 [f, 3], counter-clockwise seen from outside
    uv        float32 [f, 3, 2], one coordinate for each corner of each face, origin bottom-left, in [0, 1]
    texture   uint8 [h, w, 3], row 0 at the top: the texel of (u, v) is texture[(1 - v) h, u w]
    painted   bool [h], the rows of the texture in which texels that no face shows have colours of the object as well
              (so that looking up between texels may use them), and are no gutters of a picture; None: all rows
    """

    name: str
    family: str
    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    texture: np.ndarray
    physics: Physics = field(default_factory=Physics)
    painted: np.ndarray | None = None

    def __post_init__(self) -> None:
        num_faces = len(self.faces)
        wanted = {
            "vertices": (np.float32, (len(self.vertices), 3)),
            "faces": (np.int32, (num_faces, 3)),
            "uv": (np.float32, (num_faces, 3, 2)),
            "texture": (np.uint8, (*self.texture.shape[:2], 3)),
        }
        for key, (dtype, shape) in wanted.items():
            array = getattr(self, key)
            if array.dtype != dtype or array.shape != shape or array.size == 0:
                raise ValueError(
                    f"ObjectModel {self.name!r}: {key} is {array.dtype} {list(array.shape)}; "
                    f"give a filled {np.dtype(dtype).name} {list(shape)}"
                )

    @property
    def painted_rows(self) -> np.ndarray:
        return np.ones(len(self.texture), np.bool_) if self.painted is None else self.painted

    @property
    def nbytes(self) -> int:
        return self.vertices.nbytes + self.faces.nbytes + self.uv.nbytes + self.texture.nbytes

    @cached_property
    def half_extents(self) -> np.ndarray:
        """float32 [3]: half the sides of the bounding box, metres."""
        return (np.ptp(self.vertices, axis=0) / 2).astype(np.float32)

    @cached_property
    def diameter(self) -> float:
        """Twice the distance of the farthest vertex from the origin, metres."""
        return float(2 * np.linalg.norm(self.vertices, axis=1).max())

    def surface(self, num: int, seed: int = 0) -> np.ndarray:
        """float64 [num, 3]: points spread evenly over the surface, in the object's frame, metres. Farthest-point
        sampling (Eldar et al. 1997) of four times as many uniform ones."""
        mesh = trimesh.Trimesh(self.vertices, self.faces, process=False)
        dense = np.asarray(trimesh.sample.sample_surface(mesh, 4 * num, seed=seed)[0])
        chosen, distance = np.zeros(num, int), np.full(len(dense), np.inf)
        for i in range(1, num):
            distance = np.minimum(distance, np.square(dense - dense[chosen[i - 1]]).sum(1))
            chosen[i] = distance.argmax()
        return dense[chosen]

    @cached_property
    def hull(self) -> np.ndarray:
        """float32 [h, 3], 4 <= h <= MAX_HULL_POINTS: points whose convex hull is (nearly) the object's.

        The vertices of the exact hull where they are few enough, else those farthest along directions spread evenly
        over the box. A flat mesh gets a thickness of a thousandth of its diameter, so that it has a volume.
        """
        points = self.vertices.astype(np.float64)
        spread = points - points.mean(0)
        _, axes = np.linalg.eigh(spread.T @ spread)
        normal = axes[:, 0]
        if np.ptp(points @ normal) < 1e-3 * self.diameter:
            offset = 5e-4 * self.diameter * normal
            points = np.concatenate([points - offset, points + offset])
        corners = points[ConvexHull(points).vertices]
        if len(corners) > MAX_HULL_POINTS:
            # Scaled as if the box were a cube, else few points would lie on the rim of a flat disc.
            farthest = np.argmax(corners / np.ptp(corners, axis=0) @ _directions(MAX_HULL_POINTS).T, axis=0)
            corners = corners[np.unique(farthest)]
        return corners.astype(np.float32)


def _directions(count: int) -> np.ndarray:
    """[count, 3]: the six axes (they keep the bounding box), then a Fibonacci sphere."""
    k = np.arange(count - 6)
    z = 1 - (2 * k + 1) / len(k)
    angle = np.pi * (1 + 5**0.5) * k
    radius = np.sqrt(1 - z**2)
    sphere = np.stack([radius * np.cos(angle), radius * np.sin(angle), z], 1)
    return np.concatenate([np.eye(3), -np.eye(3), sphere])
