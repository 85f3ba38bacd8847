"""Procedural surfaces: a palette, a pattern of it, wear, and often a label, for one region of a texture atlas.

Arrays are painted with row 0 at v = 0 (the bottom); `atlas` turns the finished picture the right way up.
"""

import colorsys

import numpy as np


def palette(rng: np.random.Generator, num: int) -> np.ndarray:
    """float64 [num, 3] in [0, 1]: related or contrasting hues, from vivid to dull, always spread in brightness."""
    hue = rng.uniform() + rng.choice([0.0, 0.08, 0.33, 0.5]) * np.arange(num) + rng.normal(0, 0.03, num)
    saturation = rng.uniform(0.0, 1.0) ** 0.6 * rng.uniform(0.5, 1.0, num)
    value = rng.permutation(np.linspace(rng.uniform(0.1, 0.45), rng.uniform(0.75, 1.0), num))
    return np.array([colorsys.hsv_to_rgb(h % 1, s, v) for h, s, v in zip(hue, saturation, value, strict=True)])


def value_noise(rng: np.random.Generator, height: int, width: int, cells: int) -> np.ndarray:
    """float64 [height, width] in [0, 1]: random values on a grid of cells, linear in between, periodic in u."""
    grid = rng.uniform(size=(cells + 1, cells))
    down, across = np.linspace(0, cells, height), np.linspace(0, cells, width)
    rows = np.maximum(0, 1 - np.abs(down[:, None] - np.arange(cells + 1)))
    columns = np.maximum(0, 1 - np.abs(across[:, None] - np.arange(cells + 1)))
    columns[:, 0] += columns[:, cells]
    return rows @ grid @ columns[:, :cells].T


def _turbulence(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    cells = int(rng.integers(2, 6))
    octaves = [value_noise(rng, height, width, cells * 2**k) / 2**k for k in range(3)]
    return np.sum(octaves, axis=0) / 1.75


def _banded(field: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """A field in [0, 1] shown in equal bands of the colours."""
    return colours[np.clip((field * len(colours)).astype(int), 0, len(colours) - 1)]


def _blend(field: np.ndarray, colours: np.ndarray) -> np.ndarray:
    return colours[0] + field[..., None] * (colours[1] - colours[0])


def plain(rng: np.random.Generator, u: np.ndarray, v: np.ndarray, colours: np.ndarray) -> np.ndarray:
    return np.broadcast_to(colours[0], (*u.shape, 3))


def gradient(rng: np.random.Generator, u: np.ndarray, v: np.ndarray, colours: np.ndarray) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi)
    ramp = 0.5 + 0.7 * ((u - 0.5) * np.cos(angle) + (v - 0.5) * np.sin(angle))
    return _blend(np.clip(ramp, 0, 1), colours)


def stripes(rng: np.random.Generator, u: np.ndarray, v: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Straight or wavy; a whole number of periods around, so that no seam shows on a round part."""
    around, along = int(rng.integers(0, 5)), rng.uniform(1, 6)
    wave = rng.uniform(0, 0.25) * np.sin(2 * np.pi * (rng.integers(1, 4) * u + rng.uniform()))
    phase = (around * u + along * v + wave + rng.uniform()) % 1
    return _banded(phase, colours) if rng.uniform() < 0.7 else _blend(0.5 + 0.5 * np.sin(2 * np.pi * phase), colours)


def checks(rng: np.random.Generator, u: np.ndarray, v: np.ndarray, colours: np.ndarray) -> np.ndarray:
    across, up = 2 * rng.integers(1, 4), rng.integers(2, 7)
    cell = (u * across).astype(int) + (v * up).astype(int)
    return colours[cell % len(colours)]


def dots(rng: np.random.Generator, u: np.ndarray, v: np.ndarray, colours: np.ndarray) -> np.ndarray:
    across, up, size = rng.integers(2, 7), rng.integers(2, 7), rng.uniform(0.2, 0.45)
    row = (v * up).astype(int)
    x, y = (u * across + 0.5 * (row % 2)) % 1 - 0.5, (v * up) % 1 - 0.5
    return colours[np.where(np.hypot(x, y) < size, 1 + row % (len(colours) - 1), 0)]


def noise(rng: np.random.Generator, u: np.ndarray, v: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Marble or camouflage: turbulence, smooth or in bands."""
    field = np.clip(2.2 * (_turbulence(rng, *u.shape) - 0.5) + 0.5, 0, 1)
    return _banded(field, colours) if rng.uniform() < 0.6 else _blend(field, colours)


def grain(rng: np.random.Generator, u: np.ndarray, v: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Wood or brushed metal: stripes bent by turbulence."""
    field = (rng.uniform(3, 9) * v + rng.uniform(0.5, 2) * _turbulence(rng, *u.shape)) % 1
    return _blend(np.abs(2 * field - 1), colours)


def patches(rng: np.random.Generator, u: np.ndarray, v: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Cells around random seeds, periodic in u, each of one colour."""
    seeds = rng.uniform(size=(int(rng.integers(4, 16)), 2))
    across = np.abs(u[..., None] - seeds[:, 0])
    distance = np.hypot(np.minimum(across, 1 - across), v[..., None] - seeds[:, 1])
    return colours[rng.integers(len(colours), size=len(seeds))][distance.argmin(-1)]


PATTERNS = (plain, gradient, stripes, checks, dots, noise, grain, patches)


def _add_label(rng: np.random.Generator, image: np.ndarray) -> None:
    """A sticker off centre: a field, a logo of blocks and lines of text, in colours of its own. In place."""
    height, width = image.shape[:2]
    paper, ink, mark = palette(rng, 3)
    h, w = (int(rng.uniform(0.3, 0.75) * s) for s in (height, width))
    top, left = int(rng.uniform(0, height - h)), int(rng.uniform(0, width - w))
    label = image[top : top + h, left : left + w]
    label[:] = paper
    size = max(2, int(rng.uniform(0.4, 0.8) * min(h, w)))
    blocks = rng.uniform(size=(5, 5)) < 0.55
    pick = np.arange(size) * 5 // size
    label[h - size :, :size][blocks[np.ix_(pick, pick)]] = mark
    for line in range(int(rng.integers(1, 4))):
        y = h - size - 3 * (line + 1)
        if y < 1:
            break
        letters = (rng.uniform(size=w) < 0.7) & (np.arange(w) < w * rng.uniform(0.4, 1.0))
        label[y : y + 2, letters] = ink


def surface(rng: np.random.Generator, height: int, width: int, theme: np.ndarray) -> np.ndarray:
    """uint8 [height, width, 3]: one painted region, different for every draw, often in the colours of ``theme``
    [n, 3], which the other regions of the object share."""
    v, u = np.meshgrid((np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij")
    num = int(rng.integers(2, 5))
    colours = rng.permutation(theme)[:num] if rng.uniform() < 0.5 else palette(rng, num)
    chances = np.array([0.2, 0.12, 0.14, 0.08, 0.1, 0.14, 0.1, 0.12])
    pattern = PATTERNS[rng.choice(len(PATTERNS), p=chances)]
    image = np.array(pattern(rng, u, v, colours))
    if rng.uniform() < 0.45:
        _add_label(rng, image)
    # Wear: uneven brightness, so that even a plain or periodic part looks different from every side.
    image *= 1 + rng.uniform(0.1, 0.5) * (value_noise(rng, height, width, 3)[..., None] - 0.5)
    image += rng.normal(0, 0.02, (height, width, 1))
    return (255 * np.clip(image, 0, 1) + 0.5).astype(np.uint8)
