"""Polygons as triangles: a fan where the polygon is convex, ear clipping (Meisters 1975) where it is not."""

import numpy as np

MAX_CLIPPED = 10_000
"""Corners of a concave polygon: ear clipping takes their number squared."""
WARPED = 0.01
"""Depth over length of a polygon that lies in no plane."""
_FLAT = 1e-12  # twice the area of a turn that is none, in a polygon of extent 1


def triangulated(vertices: np.ndarray, corners: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(positions int64 [f, 3], polygon int64 [f]): triangles of polygons whose vertices are ``corners`` [c], polygon
    after polygon, ``lengths`` [p] of them each.

    A position is a place in ``corners``, so that whatever belongs to a corner follows it; triangles are in the order of
    the polygons, and turn as they do. Polygons of fewer than 3 corners have none. Raises ValueError for a polygon
    that lies in a plane and crosses itself, and for a concave one of more than MAX_CLIPPED corners.
    """
    first = np.cumsum(lengths) - lengths
    of_three = lengths == 3
    if of_three.all():
        return np.arange(len(corners)).reshape(-1, 3), np.arange(len(lengths))
    found, owner = [first[of_three][:, None] + np.arange(3)], [np.flatnonzero(of_three)]
    for length in np.unique(lengths[lengths > 3]):
        polygons = np.flatnonzero(lengths == length)
        places = first[polygons][:, None] + np.arange(length)
        points = _to_unit(vertices[corners[places]])
        convex = _are_convex(points)
        fan = np.stack([np.zeros(length - 2, int), np.arange(1, length - 1), np.arange(2, length)], 1)
        found.append(places[convex][:, fan].reshape(-1, 3))
        owner.append(np.repeat(polygons[convex], length - 2))
        for i in np.flatnonzero(~convex):
            ears = _clipped(points[i], int(polygons[i]))
            found.append(places[i][ears])
            owner.append(np.full(len(ears), polygons[i]))
    triangles, polygon = np.concatenate(found), np.concatenate(owner)
    order = np.argsort(polygon, kind="stable")
    return triangles[order], polygon[order]


def _to_unit(points: np.ndarray) -> np.ndarray:
    """Polygons [p, n, 3] from their first corner, with an extent of 1; corners that are not finite lie there too."""
    points = np.where(np.isfinite(points).all(-1, keepdims=True), points, 0.0)
    points = points / np.maximum(np.abs(points).max((1, 2), keepdims=True), 1e-300)
    points = points - points[:, :1]
    return points / np.maximum(np.ptp(points, axis=1).max(-1)[:, None, None], 1e-300)


def _normals(points: np.ndarray) -> np.ndarray:
    """[p, 3]: twice the vector area of polygons [p, n, 3] from their first corner (Newell)."""
    return np.cross(points[:, 1:-1], points[:, 2:]).sum(1)


def _are_convex(points: np.ndarray) -> np.ndarray:
    """bool [p]: the fan from the first corner covers the polygon once, with no triangle turned over or flat."""
    normal = _normals(points)
    twice = np.cross(points[:, 1:-1], points[:, 2:])
    turns = np.einsum("pnc,pc->pn", twice, normal)
    total = np.linalg.norm(twice, axis=2).sum(1)
    crossed = np.linalg.norm(normal, axis=1) < 0.01 * total - _FLAT  # areas of both signs
    return (turns > _FLAT).all(1) & ~crossed


def _clipped(points: np.ndarray, polygon: int) -> np.ndarray:
    """int [n - 2 or fewer, 3]: ears of one polygon [n, 3], in the plane in which its area is largest."""
    if len(points) > MAX_CLIPPED:
        raise ValueError(
            f"has a concave polygon of {len(points)} corners (number {polygon + 1}, limit {MAX_CLIPPED}); cut it up"
        )
    normal = _normals(points[None])[0]
    no_normal = np.linalg.norm(normal) < 1e-6
    axis = np.ptp(points, axis=0).argmin() if no_normal else np.abs(normal).argmax()
    flat = np.delete(points, axis, axis=1)
    flat = flat - flat.mean(0)
    u, v = flat.T
    if np.sum(u * np.roll(v, -1) - v * np.roll(u, -1)) < 0:
        u = -u
    if _crosses(u, v):
        return _fan_of_warped(points, polygon)
    left, ears, start = list(range(len(points))), [], 0
    while len(left) > 3:
        at = _ear(u, v, left, start)
        if at is None:
            return _fan_of_warped(points, polygon)
        ears.append((left[at - 1], left[at], left[(at + 1) % len(left)]))
        del left[at]
        start = max(at - 1, 0)
    return np.array([*ears, tuple(left)])


def _fan_of_warped(points: np.ndarray, polygon: int) -> np.ndarray:
    """A polygon out of every plane has no right triangles, so its fan will do; in a plane, it has a fault."""
    spread = np.linalg.svd(points - points.mean(0), compute_uv=False)
    if spread[2] < WARPED * spread[0]:
        raise ValueError(f"has a polygon that crosses itself (number {polygon + 1}); triangulate it")
    last = np.arange(2, len(points))
    return np.stack([np.zeros(len(last), int), last - 1, last], 1)


def _ear(u: np.ndarray, v: np.ndarray, left: list[int], start: int) -> int | None:
    """Place of a corner that can be cut off; one without a turn only where there is no other, so that neighbours along
    a straight side keep a triangle each."""
    flat = None
    for k in range(len(left)):
        at = (start + k) % len(left)
        ear = left[at - 1], left[at], left[(at + 1) % len(left)]
        turn = _turn(u, v, *ear)
        if turn > _FLAT and not _any_inside(u, v, left, ear):
            return at
        if abs(turn) <= _FLAT and flat is None:
            flat = at
    return flat


def _turn(u: np.ndarray, v: np.ndarray, a: int, b: int, c: int) -> float:
    return float((u[b] - u[a]) * (v[c] - v[a]) - (v[b] - v[a]) * (u[c] - u[a]))


def _crosses(u: np.ndarray, v: np.ndarray) -> bool:
    """Two sides meet within both of them."""
    x, y = np.roll(u, -1), np.roll(v, -1)

    def side(p: int, q: int, at_u: np.ndarray, at_v: np.ndarray) -> np.ndarray:
        turn = (u[q] - u[p]) * (at_v - v[p]) - (v[q] - v[p]) * (at_u - u[p])
        return np.where(np.abs(turn) <= _FLAT, 0.0, np.sign(turn))

    for p in range(len(u) - 2):
        q, others = p + 1, slice(p + 2, None)
        apart = side(p, q, u[others], v[others]) * side(p, q, x[others], y[others]) < 0
        if apart.any():
            for other in p + 2 + np.flatnonzero(apart):
                after = (other + 1) % len(u)
                ends = side(int(other), int(after), u[[p, q]], v[[p, q]])
                if ends[0] * ends[1] < 0:
                    return True
    return False


def _any_inside(u: np.ndarray, v: np.ndarray, left: list[int], ear: tuple[int, int, int]) -> bool:
    """Some other corner lies in the ear, or on its open side from c to a."""
    a, b, c = ear
    x, y = u[left], v[left]
    sides = [(u[q] - u[p]) * (y - v[p]) - (v[q] - v[p]) * (x - u[p]) for p, q in ((a, b), (b, c), (c, a))]
    inside = (sides[0] > _FLAT) & (sides[1] > _FLAT) & (sides[2] >= -_FLAT)
    return bool(inside.any())
