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
    size, places = clean.size, len(numbers) - clean.size
    at = _offset(seed, 0, places)
    scatter = numbers[at : at + size]
    at = _offset(seed, 1, places)
    dropout = numbers[at : at + size]
    true, out = clean.reshape(size), depth.reshape(size)
    for i in range(size):
        out[i] = true[i] + (base + growth * true[i] * true[i]) * scatter[i]
    if step > 0:
        for i in range(size):
            out[i] = np.rint(out[i] / step) * step
    for i in range(size):
        out[i] = out[i] if (true[i] > 0) & (dropout[i] > least) else np.float32(0)


@compiled
def read_rgb(colour, numbers, seed, side, shot, rgb):
    """Blurs displayed colours along rows, then along columns (the border is repeated), adds noise, and rounds."""
    height, width = colour.shape[:2]
    size = 3 * width  # numbers of a row; all loops run over whole rows, which the compiler turns into vectors
    at = _offset(seed, 2, len(numbers) - colour.size)
    middle, low, high = np.float32(1) - np.float32(2) * side, np.float32(0), np.float32(255)
    lines = np.empty((3, size), np.float32)  # blurred along rows: those above, at and below the row that is read
    bare = np.empty(size + 6, np.float32)
    for i in range(-1, height):
        if i + 1 < height:
            row, below = colour[i + 1].reshape(size), lines[(i + 1) % 3]
            for j in range(size):
                bare[j + 3] = np.sqrt(row[j]) * high
            for k in range(3):
                bare[k], bare[size + 3 + k] = bare[3 + k], bare[size + k]
            for j in range(size):
                below[j] = middle * bare[j + 3] + side * (bare[j] + bare[j + 6])
        if i >= 0:
            above, here, below = lines[max(i - 1, 0) % 3], lines[i % 3], lines[min(i + 1, height - 1) % 3]
            noise, out = numbers[at + i * size : at + (i + 1) * size], rgb[i].reshape(size)
            for j in range(size):
                value = middle * here[j] + side * (above[j] + below[j]) + shot * noise[j] + np.float32(0.5)
                out[j] = np.uint8(min(max(value, low), high))
