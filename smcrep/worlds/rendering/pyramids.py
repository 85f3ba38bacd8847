"""Halvings of a texture, chart by chart: texels of other charts, and texels that no face shows, have no part in them.

A texel is red + 2^8 green + 2^16 blue + 2^24 covered, as displayed; ``covered`` (0 to 255) is the share of it that its
chart shows. Means are of linear light, the square of what is displayed.
"""

import numpy as np

from smcrep.worlds.rendering.compiled import compiled

LOOSE = 1e-3  # texels by which a texel's middle may lie outside of a face that is said to show it
MAX_EMPTY = 8  # texels of a chart's rectangle for each one that it shows; charts of thin lines are not halved


@compiled
def _linear(image, row, column):
    red, green, blue = image[row, column, 0] / 255.0, image[row, column, 1] / 255.0, image[row, column, 2] / 255.0
    return red * red, green * green, blue * blue


@compiled
def _cover(image, corner, shown, top, left, mean):
    """Marks in ``shown`` the texels whose middle the face covers, or the one below its own middle; fills in its
    ``mean`` [3], linear."""
    height, width = image.shape[:2]
    x0, y0, ax, ay, bx, by = corner
    det = ax * by - ay * bx
    count = 0
    mean[:] = 0
    if abs(det) > 1e-6:
        slack = LOOSE * (abs(ax) + abs(ay) + abs(bx) + abs(by)) / abs(det)
        last_row = min(height - 1, int(max(y0, y0 + ay, y0 + by)))
        last_column = min(width - 1, int(max(x0, x0 + ax, x0 + bx)))
        for row in range(max(0, int(min(y0, y0 + ay, y0 + by))), last_row + 1):
            for column in range(max(0, int(min(x0, x0 + ax, x0 + bx))), last_column + 1):
                x, y = column + 0.5 - x0, row + 0.5 - y0
                u, v = (x * by - y * bx) / det, (y * ax - x * ay) / det
                if u >= -slack and v >= -slack and u + v <= 1 + slack:
                    red, green, blue = _linear(image, row, column)
                    mean[0] += red
                    mean[1] += green
                    mean[2] += blue
                    shown[row - top, column - left] = True
                    count += 1
    if count:
        mean /= count
        return
    row = min(max(int(y0 + (ay + by) / 3), 0), height - 1)
    column = min(max(int(x0 + (ax + bx) / 3), 0), width - 1)
    shown[row - top, column - left] = True
    mean[0], mean[1], mean[2] = _linear(image, row, column)


@compiled
def _rectangle(corner, faces, height, width):
    """(left, top, right, bottom), inclusive, of the texels that ``faces`` may show."""
    left, top, right, bottom = width - 1, height - 1, 0, 0
    for face in faces:
        x0, y0, ax, ay, bx, by = corner[face]
        left = min(left, int(max(min(x0, x0 + ax, x0 + bx), 0)))
        right = max(right, int(max(x0, x0 + ax, x0 + bx)))
        top = min(top, int(max(min(y0, y0 + ay, y0 + by), 0)))
        bottom = max(bottom, int(max(y0, y0 + ay, y0 + by)))
    return left, top, min(right, width - 1), min(bottom, height - 1)


@compiled
def measure(image, corner, order, start, used, mean, bounds, across, highest):
    """First pass over charts c, of faces ``order[start[c]:start[c + 1]]`` with ``corner`` [f, 6] as in `Texture`.

    Fills in ``used`` bool [h, w], the texels that any chart shows; ``mean`` [f, 3] linear; ``bounds`` [c, 4], the left,
    top, right and bottom texel that each chart shows, inclusive; ``across`` [c], its width in texels; and ``highest``
    [c], the level at which two to four texels of that are left. Returns the number of texels of all levels."""
    height, width = image.shape[:2]
    size = 0
    for c in range(len(start) - 1):
        faces = order[start[c] : start[c + 1]]
        left, top, right, bottom = _rectangle(corner, faces, height, width)
        shown = np.zeros((bottom - top + 1, right - left + 1), np.bool_)
        for face in faces:
            _cover(image, corner[face], shown, top, left, mean[face])
        first_column, first_row, last_column, last_row, area = right, bottom, left, top, 0
        for i in range(shown.shape[0]):
            for j in range(shown.shape[1]):
                if shown[i, j]:
                    used[top + i, left + j] = True
                    first_column, last_column = min(first_column, left + j), max(last_column, left + j)
                    first_row, last_row = min(first_row, top + i), max(last_row, top + i)
                    area += 1
        left, top, right, bottom = first_column, first_row, last_column, last_row
        bounds[c, 0], bounds[c, 1], bounds[c, 2], bounds[c, 3] = left, top, right, bottom
        across[c] = area / max(bottom - top + 1, right - left + 1)
        if (bottom - top + 1) * (right - left + 1) <= MAX_EMPTY * area:
            level = 0
            while across[c] >= 4 << level:
                level += 1
                rows, columns = (bottom >> level) - (top >> level) + 1, (right >> level) - (left >> level) + 1
                size += rows * columns
            highest[c] = level
    return size


@compiled
def _add_halved(sums, odd_row, odd_column, out):
    """Adds sums [rows, columns, 4] up in blocks of 2 x 2, which begin one row or column earlier where they are odd."""
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            for k in range(4):
                out[(i + odd_row) >> 1, (j + odd_column) >> 1, k] += sums[i, j, k]


@compiled
def _pack(sums, whole, texels):
    """Texels of sums of red, green, blue (linear) and number, of the ``whole`` number of each."""
    columns = sums.shape[1]
    for i in range(sums.shape[0]):
        for j in range(columns):
            number = sums[i, j, 3]
            packed = np.uint32(0)
            if number > 0:
                packed = np.uint32(max(255 * number / whole, 1.0)) << np.uint32(24)
                for k in range(3):
                    packed |= np.uint32(np.sqrt(sums[i, j, k] / number) * 255 + 0.5) << np.uint32(8 * k)
            texels[i * columns + j] = packed


@compiled
def halve(image, corner, order, start, bounds, highest, at, texels, level_start):
    """Second pass: fills ``texels`` from ``at`` on with the levels from 1 of each chart, one after another, and
    ``level_start`` with where each begins. Blocks lie on the grid of the whole texture."""
    entry = 0
    unused = np.zeros(3)
    for c in range(len(start) - 1):
        if highest[c] == 0:
            continue
        left, top, right, bottom = bounds[c]
        shown = np.zeros((bottom - top + 1, right - left + 1), np.bool_)
        for face in order[start[c] : start[c + 1]]:
            _cover(image, corner[face], shown, top, left, unused)
        sums = np.zeros(((bottom >> 1) - (top >> 1) + 1, (right >> 1) - (left >> 1) + 1, 4), np.float32)
        for i in range(shown.shape[0]):
            for j in range(shown.shape[1]):
                if shown[i, j]:
                    red, green, blue = _linear(image, top + i, left + j)
                    block = sums[((top + i) >> 1) - (top >> 1), ((left + j) >> 1) - (left >> 1)]
                    block[0] += red
                    block[1] += green
                    block[2] += blue
                    block[3] += 1
        for level in range(1, highest[c] + 1):
            rows, columns = sums.shape[:2]
            _pack(sums, float(1 << (2 * level)), texels[at : at + rows * columns])
            level_start[entry] = at
            at += rows * columns
            entry += 1
            i, j = top >> level, left >> level
            next_rows, next_columns = (bottom >> (level + 1)) - (i >> 1) + 1, (right >> (level + 1)) - (j >> 1) + 1
            halved = np.zeros((next_rows, next_columns, 4), np.float32)
            _add_halved(sums, i & 1, j & 1, halved)
            sums = halved
