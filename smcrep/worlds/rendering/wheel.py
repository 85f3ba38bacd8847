"""The wheel of hues."""

import numpy as np

from smcrep.worlds.rendering.compiled import compiled


@compiled
def linear_colours(ranges, grid):
    """float32 [h, w, 3], linear, of numbers [h, w, 4], of which hue, saturation and value are drawn within ``ranges``
    float64 [3, 2]."""
    out = np.empty((grid.shape[0], grid.shape[1], 3), np.float32)
    for i in range(grid.shape[0]):
        for j in range(grid.shape[1]):
            hue = ranges[0, 0] + (ranges[0, 1] - ranges[0, 0]) * grid[i, j, 0]
            saturation = ranges[1, 0] + (ranges[1, 1] - ranges[1, 0]) * grid[i, j, 1]
            value = ranges[2, 0] + (ranges[2, 1] - ranges[2, 0]) * grid[i, j, 2]
            for k in range(3):
                wheel = (hue - np.floor(hue)) * 6 + (6 - 2 * k) % 6
                wheel = min(max(abs(wheel % 6 - 3) - 1, 0.0), 1.0)
                displayed = value * (1 + saturation * (wheel - 1))
                out[i, j, k] = displayed * displayed
    return out
