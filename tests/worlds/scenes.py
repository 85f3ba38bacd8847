"""Small objects, cameras and sceneries whose pictures are known in closed form."""

import numpy as np

from smcrep.geometry.rotations import uniform_rotation_qr
from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.camera import Camera, look_at
from smcrep.worlds.rendering.noise import SensorNoise
from smcrep.worlds.rendering.scenery import GRID, Background, Light, Scenery, Table

random_rotation = uniform_rotation_qr
CORNERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))
"""Texture of `quad`: top left, top right, bottom left, bottom right."""


def model(vertices, faces, uv=None, texture=None, name="thing") -> ObjectModel:
    faces = np.asarray(faces, np.int32)
    uv = np.full((len(faces), 3, 2), 0.5, np.float32) if uv is None else np.asarray(uv, np.float32)
    texture = np.full((4, 4, 3), 255, np.uint8) if texture is None else texture
    return ObjectModel(name, "test", np.asarray(vertices, np.float32), faces, uv, texture)


def box(x: float, y: float, z: float, colour=(255, 255, 255)) -> ObjectModel:
    """Half extents in metres; counter-clockwise seen from outside."""
    vertices = np.array([[i, j, k] for i in (-x, x) for j in (-y, y) for k in (-z, z)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [f for a, b, c, d in quads for f in ((a, b, c), (a, c, d))]
    return model(vertices, faces, texture=np.full((2, 2, 3), colour, np.uint8), name="box")


def sphere(radius: float, rings: int = 60) -> ObjectModel:
    polar, turn = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.arange(2 * rings) * np.pi / rings, indexing="ij")
    vertices = radius * np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], -1)
    index = np.arange(vertices[..., 0].size).reshape(polar.shape)
    a, b, c, d = index[:-1], index[1:], np.roll(index, -1, 1)[1:], np.roll(index, -1, 1)[:-1]
    faces = np.concatenate([np.stack([a, b, c], -1)[:-1], np.stack([a, c, d], -1)[1:]]).reshape(-1, 3)
    return model(vertices.reshape(-1, 3), faces, name="sphere")


def quad(half: float, texture=None) -> ObjectModel:
    """A square in the plane x = 0 that faces +x; its texture's right is +y and its top is +z."""
    vertices = [[0, -half, -half], [0, half, -half], [0, half, half], [0, -half, half]]
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    if texture is None:
        texture = np.array(CORNERS, np.uint8).reshape(2, 2, 3)
    return model(vertices, faces, uv[faces], texture, name="quad")


def pose(x=0.0, y=0.0, z=0.0, rotation=None) -> np.ndarray:
    T = np.eye(4)
    T[:3, 3] = x, y, z
    if rotation is not None:
        T[:3, :3] = rotation
    return T


def camera(eye=(1.0, 0.0, 0.0), target=(0.0, 0.0, 0.0), size: int = 32, fov_deg: float = 40.0) -> Camera:
    return Camera(look_at(eye, target), fov_deg, size, size)


def scenery(
    *, noise: SensorNoise | None = None, towards=(1.0, 0.0, 0.0), key=0.0, ambient=1.0, table=None, seed=0
) -> Scenery:
    """White ambient light by default, black background, a white table."""
    light = Light(
        np.array(towards, np.float32) / np.float32(np.linalg.norm(towards)),
        np.full(3, key, np.float32),
        np.full(3, ambient, np.float32),
        np.full(3, ambient, np.float32),
    )
    background = Background(np.zeros((GRID, GRID, 3), np.float32), (4.0, 4.0))
    table = Table(np.ones(3, np.float32), contrast=1.0) if table is None else table
    return Scenery(light, background, table, noise or SensorNoise(), seed)
