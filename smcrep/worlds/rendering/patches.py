"""Mean colours of patches of a surface, for pixels that are larger than a chart of its texture.

Halving a texture then no longer averages what lies side by side on the object. Faces whose centres lie in one cell of a
grid in space, and which look along the same axis, are a patch.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MAX_CELLS = 2**20  # along an axis


def patch_means(vertices: NDArray[np.float32], faces: NDArray[np.int32], colours: Floats) -> tuple[list[Floats], float]:
    """(linear colours [f, 3] of every face at each level, cell of level 1 in metres). Level 0 is the face's own mean,
    ``colours``; level 1 means over patches of about one face, each further level over patches twice as wide."""
    a, b, c = vertices.astype(np.float64)[faces.T]
    normal = np.cross(b - a, c - a)
    area = np.linalg.norm(normal, axis=1) / 2
    axis = np.abs(normal).argmax(1)
    towards = 2 * axis + (normal[np.arange(len(faces)), axis] > 0)
    centre = (a + b + c) / 3
    low, extent = centre.min(0), max(float(np.ptp(centre, axis=0).max()), 1e-9)
    cell = first = max(float(np.sqrt(area.mean())), extent / MAX_CELLS)
    levels = [colours]
    while cell < extent / 2 and len(faces) > 12:
        i, j, k = np.minimum((centre - low) / cell, MAX_CELLS - 1).astype(np.int64).T
        key = ((i * MAX_CELLS + j) * MAX_CELLS + k) * 6 + towards
        patch = np.unique(key, return_inverse=True)[1].reshape(-1)
        weight = np.maximum(np.bincount(patch, area), 1e-300)
        means = np.stack([np.bincount(patch, area * channel) / weight for channel in colours.T], 1)
        levels.append(means[patch])
        cell *= 2
    return levels, first
