"""Near-duplicates among shapes: one surface sampled twice, up to quarter turns about the vertical."""

from itertools import product

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from smcrep.geometry.rotations import quarter_turns

THRESHOLD = 0.012
"""In rms radii. Eleven ModelNet10 meshes, each sampled twice with 1,024 evenly spread points, are .006 to .011 from
themselves; the distances of all pairs of the data set have a mode at .008 to .010 and a shallow valley at .010 to .014.
Shapes that differ by a few per cent in one proportion are caught too, which is
the safe side."""

NUM_BINS = 32
"""Of equal numbers of points, along each direction."""

DIRECTIONS = np.array([v for v in product((-1.0, 0.0, 1.0), repeat=3) if v > (0.0, 0.0, 0.0)])
DIRECTIONS /= np.linalg.norm(DIRECTIONS, axis=1, keepdims=True)
"""[13, 3]: axes and diagonals of a cube, one of each opposite pair; quarter turns permute them."""

ROWS_AT_ONCE = 512


def near_duplicates(clouds: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """int64 [s]: group of each shape; pairs closer than ``threshold`` share it, and so do chains of such pairs. clouds
    [s, n, 3], z up.

    The distance of a pair is the least over four turns about the vertical of a sliced Wasserstein distance: of the two
    clouds, each centred on its mean and divided by its rms radius, projected on 13 directions.
    Distances of nearest points do not work: two samplings of one mesh were .5 to 1.6 spacings apart, depending on
    whether its sheets are doubled.
    """
    a, b = near_pairs(clouds, threshold)
    joined = coo_array((np.ones(len(a)), (a, b)), shape=(len(clouds), len(clouds)))
    return connected_components(joined, directed=False)[1].astype(np.int64)


def near_pairs(clouds: np.ndarray, threshold: float = THRESHOLD) -> tuple[np.ndarray, np.ndarray]:
    """Pairs closer than ``threshold``, a < b."""
    if clouds.ndim != 3 or clouds.shape[-1] != 3 or clouds.shape[1] < NUM_BINS:
        raise ValueError(
            f"near_duplicates: clouds of shape {clouds.shape}; give [shapes, points, 3], at least {NUM_BINS} points"
        )
    profile = profiles(clouds)
    flat = profile.reshape(len(profile), -1)
    square = (flat**2).sum(1)
    pairs = set()
    for quarter in range(4):
        turned = _turned(profile, quarter).reshape(flat.shape)
        for first in range(0, len(flat), ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            distance = square[part, None] + square - 2 * turned[part] @ flat.T  # a rotation keeps the square
            rows, others = np.nonzero(distance < threshold**2)
            pairs |= {(int(min(i, j)), int(max(i, j))) for i, j in zip(rows + first, others, strict=True) if i != j}
    found = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def profiles(clouds: np.ndarray) -> np.ndarray:
    """float64 [s, 13, 32]: coordinates along each direction, sorted, and averaged in each of 32 bins of equally many
    points; scaled so that the Euclidean distance of two profiles is the root mean square over directions and bins."""
    found = np.empty((len(clouds), len(DIRECTIONS), NUM_BINS))
    for i, cloud in enumerate(clouds.astype(np.float64)):
        cloud = cloud - cloud.mean(0)
        radius = np.sqrt((cloud**2).sum(-1).mean())
        if not (np.isfinite(radius) and radius > 0):
            raise ValueError(f"near_duplicates: cloud {i} has rms radius {radius}; leave it out")
        along = np.sort(cloud @ DIRECTIONS.T / radius, axis=0)
        edges = np.linspace(0, len(along), NUM_BINS + 1).astype(int)
        found[i] = (np.add.reduceat(along, edges[:-1], axis=0) / np.diff(edges)[:, None]).T
    return found / np.sqrt(len(DIRECTIONS) * NUM_BINS)


def _turned(profile: np.ndarray, quarter: int) -> np.ndarray:
    """Profiles of the clouds rotated by ``quarter`` times 90 degrees about z: a permutation of directions and signs."""
    cosine = DIRECTIONS @ quarter_turns(quarter) @ DIRECTIONS.T  # (R p) . v = p . (R^T v)
    source = np.abs(cosine).argmax(1)
    opposed = cosine[np.arange(len(source)), source] < 0
    moved = profile[:, source]
    return np.where(opposed[:, None], -moved[..., ::-1], moved)
