"""Ray casting: where the ray of each pixel first meets an object (Open3D's RaycastingScene, CPU, float32)."""

from dataclasses import dataclass

import numpy as np
import open3d as o3d
from numpy.typing import NDArray

from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.camera import Camera, inverse
from smcrep.worlds.rendering.compiled import compiled

HALVINGS = 9  # a ray that misses costs half of one that hits: boxes of 32 faces of a scan save more than they cost
SCENE_BYTES_OF_FACE = 120  # resident memory grows by 82 to 89 (20,000 to 330,000 faces), 116 if no corner is shared
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
    boxes: Floats,
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
    focal_px = np.array([cameras[v].focal_px for v in views])
    T_object_camera = inverse(T_camera_object).astype(np.float32)
    x, y = (np.stack(part) for part in zip(*(cameras[v].slopes for v in views), strict=True))
    pixel, rays, start = _rays(boxes, T_camera_object.astype(np.float32), focal_px, views, x, y, T_object_camera, depth)
    answer = scene.cast_rays(o3d.core.Tensor.from_numpy(rays), nthreads=num_threads)
    found = (answer[name].numpy() for name in ("t_hit", "primitive_ids", "primitive_uvs", "primitive_normals"))
    return Hits(pixel, start, rays, *found)


@compiled
def _rays(boxes, T_camera_object, focal_px, views, x, y, T_object_camera, depth):
    """(pixel int64 [n], rays float32 [n, 6], start int64 [e + 1]) of the pixels inside the projected rectangle of any
    of the ``boxes`` float32 [8, 3, b] of each placement; of a box on both sides of the camera all pixels, or none if it
    is beside the image. Those whose ``depth`` is less than that of all boxes there are left out. ``x`` [e, w] and ``y``
    [e, h] are the slopes of columns and rows."""
    height, width = y.shape[1], x.shape[1]
    nearest = np.full((height, width), np.inf, np.float32)  # of the boxes that each pixel is inside
    most = len(views) * height * width
    pixel, rays, start = np.empty(most, np.int64), np.empty((most, 6), np.float32), np.zeros(len(views) + 1, np.int64)
    low, high = np.empty((3, boxes.shape[2]), np.float32), np.empty((3, boxes.shape[2]), np.float32)
    count = 0
    for e in range(len(views)):
        low[:], high[:] = np.inf, -np.inf
        T, edge_x, edge_y = T_camera_object[e], width / (2 * focal_px[e]), height / (2 * focal_px[e])
        for k in range(8):
            p, q, r = boxes[k, 0], boxes[k, 1], boxes[k, 2]
            for b in range(boxes.shape[2]):
                at_z = T[2, 0] * p[b] + T[2, 1] * q[b] + T[2, 2] * r[b] + T[2, 3]
                at_x = T[0, 0] * p[b] + T[0, 1] * q[b] + T[0, 2] * r[b] + T[0, 3]
                at_y = T[1, 0] * p[b] + T[1, 1] * q[b] + T[1, 2] * r[b] + T[1, 3]
                low[0, b], high[0, b] = min(low[0, b], at_x / at_z), max(high[0, b], at_x / at_z)
                low[1, b], high[1, b] = min(low[1, b], at_y / at_z), max(high[1, b], at_y / at_z)
                low[2, b], high[2, b] = min(low[2, b], at_z), max(high[2, b], at_z)
        top, bottom, left, right = height, -1, width, -1
        for b in range(boxes.shape[2]):
            low_x, high_x, low_y, high_y = low[0, b], high[0, b], low[1, b], high[1, b]
            if low[2, b] <= 1e-6:
                if high[2, b] <= 0 or _beside(boxes[:, :, b], T, edge_x, edge_y):
                    continue
                low_x, high_x, low_y, high_y = -np.inf, np.inf, -np.inf, np.inf
            # a pixel's middle lies half a pixel from its edge; 0.01 pixels for the rounding of float32
            first_column = int(np.ceil(max(low_x * focal_px[e] + width / 2 - 0.51, 0.0)))
            last_column = int(np.floor(min(high_x * focal_px[e] + width / 2 - 0.49, width - 1.0)))
            first_row = int(np.ceil(max(low_y * focal_px[e] + height / 2 - 0.51, 0.0)))
            last_row = int(np.floor(min(high_y * focal_px[e] + height / 2 - 0.49, height - 1.0)))
            if first_column > last_column or first_row > last_row:
                continue
            top, bottom = min(top, first_row), max(bottom, last_row)
            left, right = min(left, first_column), max(right, last_column)
            near = low[2, b] * np.float32(0.9999)
            for row in range(first_row, last_row + 1):
                for column in range(first_column, last_column + 1):
                    nearest[row, column] = min(nearest[row, column], near)
        T, first = T_object_camera[e], views[e] * height * width
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                at = first + row * width + column
                if nearest[row, column] < np.inf and depth[at] >= nearest[row, column]:
                    pixel[count] = at
                    for k in range(3):
                        rays[count, k] = T[k, 3]
                        rays[count, 3 + k] = T[k, 0] * x[e, column] + T[k, 1] * y[e, row] + T[k, 2]
                    count += 1
                nearest[row, column] = np.inf
        start[e + 1] = count
    return pixel[:count], rays[:count], start


@compiled
def _beside(box, T, edge_x, edge_y):
    """Whether all corners ``box`` [8, 3] lie beyond one of the four planes through the camera and a side of the image,
    which holds for points behind the camera too."""
    left, right, above, below = True, True, True, True
    for k in range(8):
        p, q, r = box[k, 0], box[k, 1], box[k, 2]
        at_z = T[2, 0] * p + T[2, 1] * q + T[2, 2] * r + T[2, 3]
        at_x = T[0, 0] * p + T[0, 1] * q + T[0, 2] * r + T[0, 3]
        at_y = T[1, 0] * p + T[1, 1] * q + T[1, 2] * r + T[1, 3]
        left, right = left and at_x < -edge_x * at_z, right and at_x > edge_x * at_z
        above, below = above and at_y < -edge_y * at_z, below and at_y > edge_y * at_z
    return left or right or above or below


def boxes(object: ObjectModel) -> Floats:
    """Corners float32 [8, 3, 2^HALVINGS] of boxes that hold all faces: a set of faces is halved at the median along the
    longest side of its box, again and again."""
    a, b, c = object.vertices.T[:, object.faces.T].swapaxes(0, 1)  # each corner [3, f]: one row for each axis
    centre = a + b + c
    num_faces, num_boxes = len(object.faces), 2**HALVINGS
    sets = np.resize(np.arange(num_faces), (1, -(-num_faces // num_boxes) * num_boxes))  # some faces twice
    for _ in range(HALVINGS):
        inside = centre[:, sets]
        along = inside[np.ptp(inside, axis=2).argmax(0), np.arange(len(sets))]
        sets = np.take_along_axis(sets, along.argsort(1), 1).reshape(2 * len(sets), -1)
    low, high = np.minimum(np.minimum(a, b), c)[:, sets].min(2), np.maximum(np.maximum(a, b), c)[:, sets].max(2)
    ends = np.stack([low, high])  # [2, 3, b]
    return np.stack([ends[[k & 1, k >> 1 & 1, k >> 2 & 1], [0, 1, 2]] for k in range(8)])
