"""Closed, outward-oriented primitive parts with texture coordinates, of which the families are built.

All lengths in metres. Every primitive is centred on the origin unless it says otherwise, and z is its axis.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import PchipInterpolator


@dataclass(frozen=True, eq=False)
class Part:
    """One closed surface. ``uv`` lies in the unit square of this part's own region of the atlas; parts of the same
    ``material`` share a region."""

    vertices: np.ndarray  # float64 [v, 3]
    faces: np.ndarray  # int [f, 3]
    uv: np.ndarray  # float64 [f, 3, 2] in [0, 1]
    material: int = 0

    def paint(self, material: int) -> "Part":
        return replace(self, material=material)

    def move(self, *translation: float) -> "Part":
        return replace(self, vertices=self.vertices + np.array(translation))

    def turn(self, rotation: np.ndarray) -> "Part":
        return replace(self, vertices=self.vertices @ rotation.T)

    def scale(self, *factors: float) -> "Part":
        """Per-axis factors, all positive (a mirror image would turn the surface inside out)."""
        return replace(self, vertices=self.vertices * np.array(factors))

    def bend(self, amount: float) -> "Part":
        """Shifts x along a parabola over z, by ``amount`` times the height at both ends."""
        x, y, z = self.vertices.T
        height = np.ptp(z)
        return replace(self, vertices=np.stack([x + 4 * amount * z**2 / height, y, z], 1))

    def taper(self, top: float) -> "Part":
        """Scales x and y linearly from 1 at the lowest point to ``top`` at the highest."""
        x, y, z = self.vertices.T
        factor = 1 + (top - 1) * (z - z.min()) / np.ptp(z)
        return replace(self, vertices=np.stack([x * factor, y * factor, z], 1))

    def twist(self, angle: float) -> "Part":
        """Turns about z by ``angle`` radians in all, from the lowest point to the highest."""
        x, y, z = self.vertices.T
        turn = angle * (z - z.min()) / np.ptp(z)
        c, s = np.cos(turn), np.sin(turn)
        return replace(self, vertices=np.stack([c * x - s * y, s * x + c * y, z], 1))

    def project_uv(self) -> "Part":
        """Texture as seen along z: the upper half of the region from above, the lower half from below."""
        low, high = self.vertices.min(0), self.vertices.max(0)
        plane = ((self.vertices - low) / (high - low))[:, :2][self.faces]
        a, b, c = np.moveaxis(self.vertices[self.faces], 1, 0)
        from_below = np.cross(b - a, c - a)[:, 2] < 0
        u = np.where(from_below[:, None], 1 - plane[..., 0], plane[..., 0])
        v = plane[..., 1] / 2 + np.where(from_below, 0.0, 0.5)[:, None]
        return replace(self, uv=np.stack([u, v], -1))


def rings(points: np.ndarray, closed: bool = False) -> Part:
    """A surface through rings of points [m, n, 3], each ring counter-clockwise seen from the end of the stack.

    A ring whose points coincide becomes one vertex, so a stack is closed when its first and last ring do; with
    ``closed`` the last ring joins the first (a torus). u runs around a ring, v along the stack by length.
    """
    gap = np.linalg.norm(np.diff(points, axis=0), axis=-1).max(1)
    points = points[np.concatenate([[True], gap > 1e-9])]
    m, n, _ = points.shape
    index = np.arange(m * n).reshape(m, n)
    pole = np.ptp(points, axis=1).max(-1) < 1e-12
    index[pole] = index[pole, :1]
    rows = np.arange(m if closed else m - 1)
    i, j = (g.ravel() for g in np.meshgrid(rows, np.arange(n), indexing="ij"))
    a, b = index[i, j], index[i, (j + 1) % n]
    d, c = index[(i + 1) % m, j], index[(i + 1) % m, (j + 1) % n]
    steps = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=-1).mean(1)[rows]
    along = np.concatenate([[0], np.cumsum(steps)])
    along /= along[-1]
    u0, u1, v0, v1 = j / n, (j + 1) / n, along[i], along[i + 1]
    lower, upper = np.stack([a, b, c], 1), np.stack([a, c, d], 1)
    uv_lower = np.stack([np.stack([u0, v0], 1), np.stack([u1, v0], 1), np.stack([u1, v1], 1)], 1)
    uv_upper = np.stack([np.stack([u0, v0], 1), np.stack([u1, v1], 1), np.stack([u0, v1], 1)], 1)
    faces, uv = np.concatenate([lower, upper]), np.concatenate([uv_lower, uv_upper])
    kept = (faces != np.roll(faces, 1, axis=1)).all(1)
    used, inverse = np.unique(faces[kept], return_inverse=True)
    return Part(points.reshape(-1, 3)[used], inverse.reshape(-1, 3), uv[kept])


def lathe(radius: np.ndarray, z: np.ndarray, num_around: int = 28) -> Part:
    """Surface of revolution of the profile (radius [m], z [m]), walked with the inside of the body on its left seen
    from +y in the half plane (x to the right, z up): up the outer wall, down an inner one. Ends not on the axis are
    closed by flat discs."""
    radius, z = np.asarray(radius, float), np.asarray(z, float)
    head, tail = bool(radius[0] > 0), bool(radius[-1] > 0)
    radius = np.concatenate([[0.0] * head, radius, [0.0] * tail])
    z = np.concatenate([z[:1][:head], z, z[-1:][:tail]])
    angle = 2 * np.pi * np.arange(num_around) / num_around
    x, y = radius[:, None] * np.cos(angle), radius[:, None] * np.sin(angle)
    return rings(np.stack([x, y, np.broadcast_to(z[:, None], x.shape)], -1))


def smooth_profile(radius: list[float], z: list[float], num: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """The polyline through the given profile points, sampled again as a monotone cubic with ``num`` points."""
    knots = np.linspace(0, 1, len(radius))
    t = np.linspace(0, 1, num)
    return PchipInterpolator(knots, radius)(t), PchipInterpolator(knots, z)(t)


def cylinder(radius: float, height: float, num_around: int = 24, num_along: int = 6) -> Part:
    return lathe(np.full(num_along + 1, radius), np.linspace(-height / 2, height / 2, num_along + 1), num_around)


def cone(bottom: float, top: float, height: float, num_around: int = 24, num_along: int = 6) -> Part:
    """Frustum with the two radii; ``top`` 0 is a pointed cone."""
    z = np.linspace(-height / 2, height / 2, num_along + 1)
    return lathe(np.linspace(bottom, top, num_along + 1), z, num_around)


def cup(outer: np.ndarray, z: np.ndarray, wall: float, num_around: int = 28) -> Part:
    """An open vessel: outer profile from the bottom up, the same again inside at a distance of ``wall``."""
    inner = np.maximum(outer - wall, 0.2 * outer)
    inside = np.maximum(z, z[0] + wall)
    return lathe(np.concatenate([outer, inner[::-1]]), np.concatenate([z, inside[::-1]]), num_around)


def ellipsoid(a: float, b: float, c: float, num_around: int = 24, num_along: int = 14) -> Part:
    return superquadric(a, b, c, 1.0, 1.0, num_around, num_along)


def superquadric(
    a: float, b: float, c: float, along: float, around: float, num_around: int = 28, num_along: int = 16
) -> Part:
    """|x/a|, |y/b|, |z/c| under the exponents of Barr (1981): 1 and 1 an ellipsoid, near 0 a rounded box or
    cylinder, 2 an octahedron."""
    latitude = np.linspace(-np.pi / 2, np.pi / 2, num_along + 1)[1:-1, None]
    longitude = 2 * np.pi * np.arange(num_around) / num_around
    power = lambda t, e: np.sign(t) * np.abs(t) ** e
    x = a * power(np.cos(latitude), along) * power(np.cos(longitude), around)
    y = b * power(np.cos(latitude), along) * power(np.sin(longitude), around)
    z = np.broadcast_to(c * power(np.sin(latitude), along), x.shape)
    body = np.stack([x, y, z], -1)
    south, north = np.zeros((2, 1, num_around, 3))
    south[..., 2], north[..., 2] = -c, c
    return rings(np.concatenate([south, body, north]))


def box(x: float, y: float, z: float, divisions: int = 4) -> Part:
    """A box with the given sides. Its six faces have the cells of a 3 x 2 grid as texture, so all six differ."""
    k = divisions
    s, t = (g.ravel() for g in np.meshgrid(np.arange(k), np.arange(k), indexing="ij"))
    corners = np.stack([np.stack([s, t], 1), np.stack([s + 1, t], 1), np.stack([s + 1, t + 1], 1)], 1)
    others = np.stack([np.stack([s, t], 1), np.stack([s + 1, t + 1], 1), np.stack([s, t + 1], 1)], 1)
    triangles = np.concatenate([corners, others])
    lattice, uv = [], []
    for side in range(6):
        axis, positive = side // 2, side % 2
        first, second = ((axis + 1) % 3, (axis + 2) % 3)[:: 1 if positive else -1]
        point = np.full((*triangles.shape[:2], 3), k * positive)
        point[..., first], point[..., second] = triangles[..., 0], triangles[..., 1]
        lattice.append(point)
        uv.append((triangles / k * 0.98 + 0.01 + [side % 3, side // 3]) / [3, 2])
    points, faces = np.unique(np.concatenate(lattice).reshape(-1, 3), axis=0, return_inverse=True)
    return Part((points / k - 0.5) * [x, y, z], faces.reshape(-1, 3), np.concatenate(uv))


def prism(outline: np.ndarray, height: float, num_along: int = 1) -> Part:
    """An outline [n, 2], counter-clockwise and star-shaped about the origin, extruded along z; projected texture."""
    levels = np.linspace(-height / 2, height / 2, num_along + 1)
    walls = np.stack([np.column_stack([outline, np.full(len(outline), z)]) for z in levels])
    ends = np.zeros((2, 1, len(outline), 3))
    ends[0, ..., 2], ends[1, ..., 2] = levels[0], levels[-1]
    return rings(np.concatenate([ends[:1, 0], walls, ends[1:, 0]])).project_uv()


def tube(
    path: np.ndarray,
    radius: float | np.ndarray,
    up: tuple[float, float, float] = (0, 0, 1),
    closed: bool = False,
    flatten: float = 1.0,
    num_around: int = 12,
) -> Part:
    """A tube of the radius along ``path`` [n, 3], whose tangent is nowhere along ``up``; ``flatten`` is the thickness
    along ``up`` over that across."""
    if closed:
        tangent = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
    else:
        tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    normal = np.array(up) - tangent * (tangent @ np.array(up))[:, None]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    binormal = np.cross(tangent, normal)
    angle = 2 * np.pi * np.arange(num_around) / num_around
    around = flatten * np.cos(angle)[:, None] * normal[:, None] + np.sin(angle)[:, None] * binormal[:, None]
    points = path[:, None] + np.broadcast_to(radius, len(path))[:, None, None] * around
    if not closed:
        ends = np.broadcast_to(path[[0, -1], None], (2, num_around, 3))
        points = np.concatenate([ends[:1], points, ends[1:]])
    return rings(points, closed)


def torus(major: float, minor: float, flatten: float = 1.0, num_along: int = 32, num_around: int = 12) -> Part:
    """About z; ``flatten`` is the thickness along z over that across."""
    return arc(major, minor, 0, 2 * np.pi, flatten, num_along, num_around)


def arc(
    major: float, minor: float, start: float, stop: float, flatten: float = 1.0, num: int = 32, num_around: int = 12
) -> Part:
    """A piece of a torus about z between two angles in radians; a whole turn is closed."""
    closed = abs(stop - start - 2 * np.pi) < 1e-9
    angle = np.linspace(start, stop, num, endpoint=not closed)
    path = np.stack([major * np.cos(angle), major * np.sin(angle), np.zeros(num)], 1)
    return tube(path, minor, closed=closed, flatten=flatten, num_around=num_around)
