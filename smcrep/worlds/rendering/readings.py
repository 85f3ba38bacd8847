"""What a sensor reads: scatter, steps and dropout of depth; photon noise and lens blur of colour."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from smcrep.worlds.rendering.compiled import compiled
from smcrep.worlds.rendering.noise import SensorNoise, bank

Images = NDArray[np.float32]


def read(
    colour: Images, clean_depth: Images, noise: SensorNoise, seed: int, rgb: NDArray[np.uint8], depth: Images
) -> None:
    """Fills in ``rgb`` [h, w, 3] and ``depth`` [h, w] as the sensor reads linear ``colour`` [h, w, 3] and true depths
    [h, w] in metres; 0 (nothing hit) stays 0, and dropped pixels become 0. ``seed`` decides what is drawn."""
    numbers = bank(colour.size)
    read_depth(clean_depth, numbers, seed, *_of_depth(noise), depth)
    side = np.float32(noise.rgb_blur_px**2 / 2)  # taps (side, 1 - 2 side, side) have variance 2 side
    read_rgb(colour, numbers, seed, side, np.float32(noise.rgb_shot * 255), rgb)


@lru_cache(maxsize=256)
def _of_depth(noise: SensorNoise) -> tuple[np.float32, ...]:
    """Deviation at 0 m and its growth with squared metres; step; least normal number of a pixel that is read."""
    base, growth, step = (np.float32(v) for v in (noise.depth_base_m, noise.depth_per_m, noise.depth_step_m))
    return base, growth, step, np.float32(ndtri(noise.depth_dropout))


@compiled
def _offset(seed, draw, places):
    """One of ``places`` offsets, from the seed and the number of the draw (splitmix64)."""
    z = np.uint64(seed) * np.uint64(4) + np.uint64(draw)
    z = z * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.int64(z % np.uint64(places))


@compiled
def read_depth(clean, numbers, seed, base, growth, step, least, depth):
    height, width = clean.shape
    places = len(numbers) - clean.size
    scatter, dropout = _offset(seed, 0, places), _offset(seed, 1, places)
    for i in range(height):
        for j in range(width):
            z, at = clean[i, j], i * width + j
            if not z > 0 or numbers[dropout + at] <= least:
                depth[i, j] = 0
                continue
            z += (base + growth * z * z) * numbers[scatter + at]
            if step > 0:
                z = np.rint(z / step) * step
            depth[i, j] = z


@compiled
def read_rgb(colour, numbers, seed, side, shot, rgb):
    """Blurs displayed colours along rows, then along columns (the border is repeated), adds noise, and rounds."""
    height, width = colour.shape[:2]
    offset = _offset(seed, 2, len(numbers) - colour.size)
    middle = np.float32(1) - np.float32(2) * side
    lines = np.empty((3, width, 3), np.float32)  # blurred along rows: those above, at and below the row that is read
    bare = np.empty((width, 3), np.float32)
    for i in range(-1, height):
        below = lines[(i + 1) % 3]
        if i + 1 < height:
            for j in range(width):
                for k in range(3):
                    bare[j, k] = np.sqrt(colour[i + 1, j, k]) * np.float32(255)
            for j in range(width):
                for k in range(3):
                    around = bare[max(j - 1, 0), k] + bare[min(j + 1, width - 1), k]
                    below[j, k] = middle * bare[j, k] + side * around
        if i < 0:
            continue
        at = lines[i % 3]
        above = lines[(i - 1) % 3] if i > 0 else at
        if i + 1 == height:
            below = at
        for j in range(width):
            for k in range(3):
                value = middle * at[j, k] + side * (above[j, k] + below[j, k])
                value += shot * numbers[offset + (i * width + j) * 3 + k] + np.float32(0.5)
                rgb[i, j, k] = np.uint8(min(max(value, np.float32(0)), np.float32(255)))
