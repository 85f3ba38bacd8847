"""Ray casting: where the ray of each pixel first meets an object (Open3D's RaycastingScene, CPU, float32)."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import open3d as o3d
from numpy.typing import NDArray

from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.camera import Camera, inverse

HALVINGS = 4  # rays that miss cost a third of those that hit: closer boxes save more than they cost up to here
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Hits:
    """Where rays met one object, in any of its ``e`` placements; pixels are sorted by placement.

    pixel        int64 [n], index into the flattened images [v, h, w]
    start        int64 [e + 1]: hits start[i]:start[i + 1] are those of placement i
    depth        float32 [n], metres along the camera's z
    face         int64 [n]; barycentric float32 [2, n]: weights of the face's second and third corner
    normal       float32 [3, n], unit, object frame, on the side that the camera sees
    """

    pixel: Ints
    start: Ints
    depth: Floats
    face: Ints
    barycentric: Floats
    normal: Floats

    def keep(self, mask: NDArray[np.bool_]) -> "Hits":
        """The hits where ``mask`` [n] is true."""
        if mask.all():
            return self
        start = np.concatenate([[0], np.cumsum(mask)])[self.start]
        chosen = np.flatnonzero(mask)
        return Hits(
            self.pixel[chosen],
            start,
            self.depth[chosen],
            self.face[chosen],
            np.take(self.barycentric, chosen, 1),
            np.take(self.normal, chosen, 1),
        )


@lru_cache(maxsize=64)
def scene(object: ObjectModel) -> o3d.t.geometry.RaycastingScene:
    """The ray-casting scene of an object in its own frame; the last 64 are cached (by identity, about 4 MB each for a
    mesh of 16,000 faces)."""
    built = o3d.t.geometry.RaycastingScene(nthreads=1)
    built.add_triangles(
        o3d.core.Tensor.from_numpy(object.vertices), o3d.core.Tensor.from_numpy(object.faces.astype(np.uint32))
    )
    return built


def cast(
    object: ObjectModel,
    cameras: list[Camera],
    views: Ints,
    T_camera_object: NDArray[np.float64],
    *,
    num_threads: int,
) -> Hits:
    """All placements T_camera_object [e, 4, 4] of ``object``, each before camera ``views[i]`` of ``cameras``, in one
    cast. Rays are transformed into the object's frame, and only those inside the object's projected boxes are cast."""
    height, width = cameras[0].height, cameras[0].width
    x, y = (np.stack(slopes) for slopes in zip(*(cameras[v].slopes for v in views), strict=True))
    masks = _masks(object, T_camera_object, x, y)
    chosen = np.flatnonzero(masks)
    start = np.searchsorted(chosen, np.arange(len(views) + 1) * (height * width))
    counts = np.diff(start)
    T_object_camera = inverse(T_camera_object).astype(np.float32)
    R = T_object_camera[:, :3, :3]
    rays = np.empty((len(chosen), 6), np.float32)
    for axis in range(3):  # axis by axis: numpy is slow where the inner loop has three steps
        rays[:, axis] = np.repeat(T_object_camera[:, axis, 3], counts)
        along_columns, along_rows = x * R[:, axis, 0, None] + R[:, axis, 2, None], y * R[:, axis, 1, None]
        rays[:, 3 + axis] = np.take((along_rows[:, :, None] + along_columns[:, None]).reshape(-1), chosen)
    answer = scene(object).cast_rays(o3d.core.Tensor.from_numpy(rays), nthreads=num_threads)
    depth = answer["t_hit"].numpy()
    hit = np.flatnonzero(depth < np.inf)
    normal = np.take(answer["primitive_normals"].numpy(), hit, 0).T
    normal, ray = np.ascontiguousarray(normal), np.take(rays, hit, 0).T
    away = normal[0] * ray[3] + normal[1] * ray[4] + normal[2] * ray[5] > 0
    normal *= 1 - 2 * away.astype(np.float32)
    start = np.searchsorted(hit, start)
    pixel = chosen[hit] + np.repeat((views - np.arange(len(views))) * (height * width), np.diff(start))
    return Hits(
        pixel,
        start,
        depth[hit],
        answer["primitive_ids"].numpy()[hit].astype(np.int64),
        np.ascontiguousarray(np.take(answer["primitive_uvs"].numpy(), hit, 0).T),
        normal,
    )


def _masks(object: ObjectModel, T_camera_object: NDArray[np.float64], x: Floats, y: Floats) -> NDArray[np.bool_]:
    """bool [e, h, w]: pixels inside the projected rectangle of any of the object's `_boxes`; all of them where a box
    reaches behind the camera."""
    corners = _boxes(object)
    seen = corners.reshape(-1, 3) @ T_camera_object[:, :3, :3].swapaxes(1, 2) + T_camera_object[:, None, :3, 3]
    depth = seen[..., 2].reshape(len(seen), *corners.shape[:2])
    behind = np.any(depth <= 1e-6, axis=2)[..., None]
    inside: list[NDArray[np.bool_]] = []
    for axis, centres in ((1, y), (0, x)):
        slope = seen[..., axis].reshape(depth.shape) / np.where(depth > 1e-6, depth, 1)
        margin = 1e-3 * (centres[:, -1] - centres[:, 0])[:, None, None] + 1e-6  # the rounding of float32
        low, high = slope.min(2)[..., None] - margin, slope.max(2)[..., None] + margin
        inside.append(np.asarray((centres[:, None] >= low) & (centres[:, None] <= high) | behind))
    rows, columns = (part.swapaxes(1, 2).astype(np.float32) for part in inside)
    return np.asarray(rows @ columns.swapaxes(1, 2) > 0)


@lru_cache(maxsize=64)
def _boxes(object: ObjectModel) -> NDArray[np.float64]:
    """Corners [2^HALVINGS, 8, 3] of boxes that hold all faces: a set of faces is halved at the median along the longest
    side of its box, again and again."""
    a, b, c = object.vertices.T[:, object.faces.T].swapaxes(0, 1)  # each corner [3, f]: one row for each axis
    centre = a + b + c
    num_faces, num_boxes = len(object.faces), 2**HALVINGS
    sets = np.resize(np.arange(num_faces), (1, -(-num_faces // num_boxes) * num_boxes))  # some faces twice
    for _ in range(HALVINGS):
        inside = centre[:, sets]
        along = inside[np.ptp(inside, axis=2).argmax(0), np.arange(len(sets))]
        sets = np.take_along_axis(sets, along.argsort(1), 1).reshape(2 * len(sets), -1)
    low, high = np.minimum(np.minimum(a, b), c)[:, sets].min(2), np.maximum(np.maximum(a, b), c)[:, sets].max(2)
    ends = np.stack([low.T, high.T], 1).astype(np.float64)
    return np.stack([ends[:, [k & 1, k >> 1 & 1, k >> 2 & 1], [0, 1, 2]] for k in range(8)], 1)
