"""Colours of the hits of rays: texture, Lambertian and ambient light, highlights.

All colours are linear light: the square of what a texture stores, whose square root is displayed.
"""

import numpy as np

from smcrep.worlds.rendering.compiled import compiled, inlined

SHININESS_DOUBLINGS = 5  # highlights go with the 2^5th power of the cosine
GRAZING = np.float32(0.1)  # cosines below count as this: a pixel then covers ten times its area
FINER = np.float32(2)  # texels a pixel from which on the next level is looked up; 1.4 and 4 measured worse
ONE, HALF, UNIT = np.float32(1), np.float32(0.5), np.float32(1 / 255)


@inlined
def _channel(texel, shift):
    """Linear light of one of the channels of a texel."""
    displayed = np.float32(texel >> np.uint32(shift) & np.uint32(255)) * UNIT
    return displayed * displayed


@inlined
def look_up(texels, width, corner, scale, chart, bounds, level_start, patches, cell_m2, face, u, v, pixel_m2):
    """Linear red, green and blue of a hit at barycentric ``u``, ``v`` (weights of the face's second and third corner),
    of a pixel that covers ``pixel_m2`` square metres of the surface; the other arguments are those of `Texture`.

    Bilinear, from the level whose texels are about as large as the pixel; from patches where the chart is smaller.
    """
    if pixel_m2 > scale[face, 1]:
        level, cell = 0, cell_m2
        while level + 1 < len(patches) and cell <= np.float32(2) * pixel_m2:
            level += 1
            cell *= np.float32(4)
        texel = patches[level, face]
        return _channel(texel, 0), _channel(texel, 8), _channel(texel, 16)
    part = chart[face]
    level, shrink, share = 0, ONE, scale[face, 0] * pixel_m2
    while level < bounds[part, 4] and share >= FINER:
        level += 1
        shrink *= HALF
        share *= np.float32(0.25)
    left, top, right, bottom = (
        bounds[part, 0] >> level,
        bounds[part, 1] >> level,
        bounds[part, 2] >> level,
        bounds[part, 3] >> level,
    )
    if level:
        first, row_length = level_start[bounds[part, 5] + level], right - left + 1
    else:
        first, row_length = np.int64(top) * width + left, width
    column = (corner[face, 0] + u * corner[face, 2] + v * corner[face, 4]) * shrink - HALF - np.float32(left)
    row = (corner[face, 1] + u * corner[face, 3] + v * corner[face, 5]) * shrink - HALF - np.float32(top)
    column = min(max(column, np.float32(0)), np.float32(right - left))
    row = min(max(row, np.float32(0)), np.float32(bottom - top))
    j, i = int(column), int(row)
    across, down = column - np.float32(j), row - np.float32(i)
    at = first + i * row_length + j
    step, below = np.int64(across > 0), np.int64(row_length) if down > 0 else np.int64(0)
    a, b, c, d = texels[at], texels[at + step], texels[at + below], texels[at + below + step]
    w_a = (ONE - across) * (ONE - down) * np.float32(a >> 24)
    w_b = across * (ONE - down) * np.float32(b >> 24)
    w_c = (ONE - across) * down * np.float32(c >> 24)
    w_d = across * down * np.float32(d >> 24)
    total = w_a + w_b + w_c + w_d
    r_a, r_b, r_c, r_d = _channel(a, 0), _channel(b, 0), _channel(c, 0), _channel(d, 0)
    g_a, g_b, g_c, g_d = _channel(a, 8), _channel(b, 8), _channel(c, 8), _channel(d, 8)
    b_a, b_b, b_c, b_d = _channel(a, 16), _channel(b, 16), _channel(c, 16), _channel(d, 16)
    if total > 0:
        red = (w_a * r_a + w_b * r_b + w_c * r_c + w_d * r_d) / total
        green = (w_a * g_a + w_b * g_b + w_c * g_c + w_d * g_d) / total
        blue = (w_a * b_a + w_b * b_b + w_c * b_c + w_d * b_d) / total
        return red, green, blue
    texel = patches[0, face]
    return _channel(texel, 0), _channel(texel, 8), _channel(texel, 16)


@compiled
def paint(
    texels, width, corner, scale, chart, bounds, level_start, patches, cell_m2,
    rays, start, pixel, distance, primitive, barycentric, normal,
    label, focal_px, R_camera_object, towards, light, depth, segmentation, colour, normals,
):  # fmt: skip
    """Draws the hits of one object, in any of its e placements, where they are nearer than ``depth``.

    rays             float32 [n, 6]: origin and direction in the object's frame, whose length is that of (x, y, 1)
    start            int64 [e + 1]: rays start[i]:start[i + 1] are those of placement i; pixel int64 [n], flat
    distance, primitive, barycentric, normal   of each ray, as Open3D gives them
    label            uint8 [e]; focal_px float32 [e]; R_camera_object float32 [e, 3, 3]
    towards          float32 [e, 3, 3]: rows are the light, half way between light and viewer, and up; object's frame
    light            float32 [e, 4, 3]: key, half the difference and half the sum of sky and ground, highlight
    depth, segmentation, colour [.., 3], normals [.., 3] (or empty)   of all images, flat; they are drawn into
    """
    for i in range(len(label)):
        pixel_per_m2 = ONE / (focal_px[i] * focal_px[i])
        for n in range(start[i], start[i + 1]):
            at = pixel[n]
            if not distance[n] < depth[at]:
                continue
            depth[at] = distance[n]
            segmentation[at] = label[i]
            x, y, z = normal[n, 0], normal[n, 1], normal[n, 2]
            p, q, r = rays[n, 3], rays[n, 4], rays[n, 5]
            facing = x * p + y * q + z * r
            if facing > 0:
                x, y, z = -x, -y, -z
            cosine = max(abs(facing) / np.sqrt(p * p + q * q + r * r), GRAZING)
            red, green, blue = look_up(
                texels, width, corner, scale, chart, bounds, level_start, patches, cell_m2,
                primitive[n], barycentric[n, 0], barycentric[n, 1],
                distance[n] * distance[n] * pixel_per_m2 / cosine,
            )  # fmt: skip
            lambert = max(x * towards[i, 0, 0] + y * towards[i, 0, 1] + z * towards[i, 0, 2], np.float32(0))
            highlight = max(x * towards[i, 1, 0] + y * towards[i, 1, 1] + z * towards[i, 1, 2], np.float32(0))
            up = x * towards[i, 2, 0] + y * towards[i, 2, 1] + z * towards[i, 2, 2]
            for _ in range(SHININESS_DOUBLINGS):
                highlight *= highlight
            colour[at, 0], colour[at, 1], colour[at, 2] = red, green, blue
            for k in range(3):
                diffuse = light[i, 0, k] * lambert + light[i, 1, k] * up + light[i, 2, k]
                colour[at, k] = colour[at, k] * diffuse + light[i, 3, k] * highlight
                if len(normals):
                    R = R_camera_object
                    normals[at, k] = R[i, k, 0] * x + R[i, k, 1] * y + R[i, k, 2] * z
