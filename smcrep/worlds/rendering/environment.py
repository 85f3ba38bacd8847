"""An environment: distributions of light, background, camera, clutter and sensor noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from smcrep.geometry.rotations import spherical_direction
from smcrep.worlds.rendering.backdrops import KINDS, Palette, Range, Uniform, between
from smcrep.worlds.rendering.camera import Camera, look_at
from smcrep.worlds.rendering.noise import SensorNoise
from smcrep.worlds.rendering.scenery import GRID, Background, Light, Scenery, Table


@dataclass(frozen=True)
class LightFamily:
    """One lamp at ``elevation_deg`` and any azimuth, of ``strength`` times a colour of ``palette``; ambient light
    of strength ``ambient`` in the colour ``sky``; ``specular`` highlights."""

    elevation_deg: Range
    strength: Range
    palette: Palette
    ambient: Range
    sky: Palette
    specular: Range = (0.0, 0.1)

    def sample(self, u: Sequence[float]) -> Light:
        """From 10 uniform numbers."""
        elevation, azimuth = math.radians(between(self.elevation_deg, u[0])), 2 * math.pi * u[1]
        sky = self.sky.colour(u[6:9], between(self.ambient, u[5]))
        return Light(
            spherical_direction(azimuth, elevation).astype(np.float32),
            self.palette.colour(u[2:5], between(self.strength, u[9])),
            sky,
            sky * np.float32(0.4),
            between(self.specular, u[1] * 7 % 1),
        )


@dataclass(frozen=True)
class BackgroundFamily:
    """The background, of a ``kind`` of `KINDS`, and the pattern and colours of the ``table``."""

    kind: str
    palette: Palette
    table_pattern: str
    table: Palette
    contrast: Range = (0.5, 0.8)  # displayed brightness where the table's pattern is 1, relative to where it is 0
    radius: Range = (1.6, 3.5)
    period: Range = (1.5, 3.0)

    def sample(self, u: Sequence[float], grid: Uniform) -> tuple[Background, Table]:
        """From 12 uniform numbers and [GRID, GRID, 4] for the background's cells."""
        table = Table(
            self.table.colour(u[3:6]),
            between(self.contrast, u[6]) ** 2,
            self.table_pattern,
            between(self.radius, u[7]),
            between(self.period, u[8]),
            2 * np.pi * u[9],
        )
        return KINDS[self.kind](self.palette, [*u[:3], *u[10:]], grid), table


@dataclass(frozen=True)
class CameraFamily:
    """``fill``: the diameter of the object's sphere as a share of the image's height (the object itself fills less),
    which with ``fov_deg`` gives the distance; ``elevation_deg`` how far the camera looks down; any azimuth."""

    elevation_deg: Range
    fov_deg: Range
    fill: Range

    def distance(self, fov_deg: float, fill: float) -> float:
        """Distance from the object's centre in diameters. A sphere of radius r at distance D is seen out to the slope
        r / sqrt(D² - r²), which is ``fill`` times the slope of the image's edge."""
        return 0.5 * float(np.hypot(1, 1 / (fill * np.tan(np.radians(fov_deg) / 2))))


@dataclass(frozen=True)
class Environment:
    """Distributions of all that surrounds an object. ``clutter`` = (fewest, most) other objects nearby."""

    name: str
    light: LightFamily
    background: BackgroundFamily
    camera: CameraFamily
    clutter: tuple[int, int]
    noise: SensorNoise

    def sample_scenery(self, rng: np.random.Generator) -> Scenery:
        """Light, background, table and sensor for one observation. Each factor has its own random numbers: with
        generators of the same seed, environments that share a factor draw the same of it."""
        light, background = rng.random(10).tolist(), rng.random(12).tolist()  # Python floats are faster one by one
        grid = rng.random((GRID, GRID, 4))
        behind, table = self.background.sample(background, grid)
        return Scenery(self.light.sample(light), behind, table, self.noise, int(rng.integers(2**32)))

    def sample_camera(self, rng: np.random.Generator, target: ArrayLike, diameter: float, size: int) -> Camera:
        """A camera with a square image of ``size`` pixels that looks down on ``target`` [3] (metres, world) from a
        distance that suits an object of this ``diameter`` (metres)."""
        u = rng.random(4).tolist()
        elevation, azimuth = math.radians(between(self.camera.elevation_deg, u[0])), 2 * np.pi * u[1]
        fov_deg = between(self.camera.fov_deg, u[2])
        distance_m = diameter * self.camera.distance(fov_deg, between(self.camera.fill, u[3]))
        target = np.asarray(target, np.float64)
        eye = target + distance_m * spherical_direction(azimuth, elevation)
        return Camera(look_at(eye, target), fov_deg, size, size)

    def num_clutter(self, rng: np.random.Generator) -> int:
        return int(rng.integers(self.clutter[0], self.clutter[1] + 1))
