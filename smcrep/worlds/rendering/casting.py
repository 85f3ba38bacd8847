"""Ray casting: where the ray of each pixel first meets an object (Open3D's RaycastingScene, CPU, float32)."""

from dataclasses import dataclass

import numpy as np
import open3d as o3d
from numpy.typing import NDArray

from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.camera import Camera, inverse
from smcrep.worlds.rendering.compiled import compiled

HALVINGS = 5  # rays that miss cost a third of those that hit: closer boxes save more than they cost up to here
SCENE_BYTES_OF_FACE = 300  # measured: Embree's tree and Open3D's copies
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Hits:
    """What n rays met of one object, in any of its ``e`` placements; rays are sorted by placement.

    pixel        int64 [n], index into the flattened images [v, h, w]
    start        int64 [e + 1]: rays start[i]:start[i + 1] are those of placement i
    rays         float32 [n, 6], origin and direction in the object's frame; along the camera's z the direction is 1
    depth        float32 [n], metres along the camera's z; inf where the object is not met
    face         uint32 [n]; barycentric float32 [n, 2]: weights of the face's second and third corner
    normal       float32 [n, 3], unit, object frame, on either side
    """

    pixel: Ints
    start: Ints
    rays: Floats
    depth: Floats
    face: NDArray[np.uint32]
    barycentric: Floats
    normal: Floats


def scene(object: ObjectModel) -> o3d.t.geometry.RaycastingScene:
    """The ray-casting scene of an object in its own frame."""
    built = o3d.t.geometry.RaycastingScene(nthreads=1)
    built.add_triangles(
        o3d.core.Tensor.from_numpy(object.vertices), o3d.core.Tensor.from_numpy(object.faces.astype(np.uint32))
    )
    return built


def cast(
    scene: o3d.t.geometry.RaycastingScene,
    boxes: NDArray[np.float64],
    cameras: list[Camera],
    views: Ints,
    T_camera_object: NDArray[np.float64],
    depth: Floats,
    *,
    num_threads: int,
) -> Hits:
    """All placements T_camera_object [e, 4, 4] of an object, each before camera ``views[i]`` of ``cameras``, in one
    cast. Rays are transformed into the object's frame. Only those are cast that are inside one of its projected
    ``boxes``, and that do not meet something nearer already (``depth``, of all images, flat)."""
    seen = boxes.reshape(-1, 3) @ T_camera_object[:, :3, :3].swapaxes(1, 2) + T_camera_object[:, None, :3, 3]
    focal_px = np.array([cameras[v].focal_px for v in views])
    T_object_camera = inverse(T_camera_object).astype(np.float32)
    x, y = (np.stack(part) for part in zip(*(cameras[v].slopes for v in views), strict=True))
    pixel, rays, start = _rays(seen.reshape(len(seen), -1, 8, 3), focal_px, views, x, y, T_object_camera, depth)
    answer = scene.cast_rays(o3d.core.Tensor.from_numpy(rays), nthreads=num_threads)
    found = (answer[name].numpy() for name in ("t_hit", "primitive_ids", "primitive_uvs", "primitive_normals"))
    return Hits(pixel, start, rays, *found)


@compiled
def _rays(seen, focal_px, views, x, y, T_object_camera, depth):
    """(pixel int64 [n], rays float32 [n, 6], start int64 [e + 1]) of the pixels inside the projected rectangle of any
    box of each placement, ``seen`` [e, b, 8, 3] by the camera; all of them where a box reaches behind the camera. Those
    whose ``depth`` is less than that of all boxes are left out. ``x`` [e, w] and ``y`` [e, h] are the slopes of columns
    and rows."""
    height, width = y.shape[1], x.shape[1]
    inside = np.zeros((height, width), np.bool_)
    most = len(views) * height * width
    pixel, rays, start = np.empty(most, np.int64), np.empty((most, 6), np.float32), np.zeros(len(views) + 1, np.int64)
    count = 0
    for e in range(len(views)):
        nearest = seen[e, :, :, 2].min()
        top, bottom, left, right = height, -1, width, -1
        for b in range(seen.shape[1]):
            low_x, high_x, low_y, high_y = np.inf, -np.inf, np.inf, -np.inf
            if nearest <= 1e-6:
                low_x, high_x, low_y, high_y = -np.inf, np.inf, -np.inf, np.inf
            else:
                for k in range(8):
                    slope_x, slope_y = seen[e, b, k, 0] / seen[e, b, k, 2], seen[e, b, k, 1] / seen[e, b, k, 2]
                    low_x, high_x = min(low_x, slope_x), max(high_x, slope_x)
                    low_y, high_y = min(low_y, slope_y), max(high_y, slope_y)
            # a pixel's middle lies half a pixel from its edge; 0.01 pixels for the rounding of float32
            first_column = int(np.ceil(max(low_x * focal_px[e] + width / 2 - 0.51, 0.0)))
            last_column = int(np.floor(min(high_x * focal_px[e] + width / 2 - 0.49, width - 1.0)))
            first_row = int(np.ceil(max(low_y * focal_px[e] + height / 2 - 0.51, 0.0)))
            last_row = int(np.floor(min(high_y * focal_px[e] + height / 2 - 0.49, height - 1.0)))
            if first_column > last_column or first_row > last_row:
                continue
            top, bottom = min(top, first_row), max(bottom, last_row)
            left, right = min(left, first_column), max(right, last_column)
            for row in range(first_row, last_row + 1):
                inside[row, first_column : last_column + 1] = True
        T, first = T_object_camera[e], views[e] * height * width
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                at = first + row * width + column
                if inside[row, column] and depth[at] >= nearest * 0.9999:
                    pixel[count] = at
                    for k in range(3):
                        rays[count, k] = T[k, 3]
                        rays[count, 3 + k] = T[k, 0] * x[e, column] + T[k, 1] * y[e, row] + T[k, 2]
                    count += 1
                inside[row, column] = False
        start[e + 1] = count
    return pixel[:count], rays[:count], start


def boxes(object: ObjectModel) -> NDArray[np.float64]:
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
