"""Draws the pixels of a point cloud."""

import numpy as np

from smcrep.worlds.rendering.compiled import compiled


@compiled
def pick(seen, depth, x, y, uniform, cloud):
    """Number of pixels that are ``seen``; ``cloud`` [n, 3] is filled from them by n ``uniform`` numbers."""
    pixels = np.flatnonzero(seen)
    count = len(pixels)
    for i in range(len(cloud) if count else 0):
        if count >= len(cloud):  # the first steps of Fisher and Yates' shuffle
            other = i + int(uniform[i] * (count - i))
            pixels[i], pixels[other] = pixels[other], pixels[i]
            at = pixels[i]
        else:
            at = pixels[i if i < count else int(uniform[i] * count)]
        row, column = at // depth.shape[1], at % depth.shape[1]
        z = depth[row, column]
        cloud[i, 0], cloud[i, 1], cloud[i, 2] = x[column] * z, y[row] * z, z
    return count
