"""Colours of a surface (picture, or colours of corners) as one texture and uv of face corners."""

import numpy as np

from smcrep.worlds.objects.atlas import face_areas
from smcrep.worlds.objects.mtl import GREY
from smcrep.worlds.objects.surface import Picture, Surface

MAX_TEXTURE_SIDE = 4096
MAX_REPEATS = 16
MAX_HOLES = 0.01
"""Share of a surface that may lie in holes of its picture: the rims of charts do."""
_CELL = 4  # texels on a side of the cell in which a face blends the colours of its corners
_MAX_BLENDED_FACES = (MAX_TEXTURE_SIDE // _CELL) ** 2


Piece = tuple[np.ndarray, np.ndarray, bool]
"""uv float64 [f, 3, 2], texture uint8 [h, w, 3], and whether it was painted here: every texel then has a colour of the
surface, while a picture has gutters that may have any."""


def texture_of(surface: Surface) -> Piece:
    """Plain grey where there is no colour.

    Raises ValueError for coordinates that are not finite, a picture repeated more than MAX_REPEATS times in one face,
    and one whose holes are on more than MAX_HOLES of the surface.
    """
    if surface.picture is not None and surface.uv is not None:
        uv, texture = placed(surface.uv, surface.picture)
        if texture.shape[-1] == 4:
            _check_holes(surface, uv, texture[..., 3] == 0)
        return uv, np.ascontiguousarray(texture[..., :3]), False
    if surface.colours is not None:
        return *painted(surface.colours), True
    return *painted(np.broadcast_to(np.array(GREY, float), (len(surface.faces), 3, 3))), True


def painted(colours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(uv, texture) with the colours [f, 3, 3] (0 to 255) of the corners of each face.

    One texel for each colour where every face has one colour (or the mean of its corners, where faces are too many to
    blend), else a cell of texels for each face.
    """
    num_faces = len(colours)
    blended = bool((colours != colours[:, :1]).any()) and num_faces <= _MAX_BLENDED_FACES
    if blended:
        side = int(np.ceil(np.sqrt(num_faces)))
        t = np.arange(_CELL) / (_CELL - 1)
        s, t = np.meshgrid(t, t)  # weights of corners 1 (to the right) and 2 (up)
        weights = np.stack([1 - s - t, s, t], -1)
        cells = np.zeros((side * side, _CELL, _CELL, 3))
        cells[:num_faces] = np.einsum("yxc,fcr->fyxr", weights, colours)
        picture = cells.reshape(side, side, _CELL, _CELL, 3).transpose(0, 2, 1, 3, 4).reshape(side * _CELL, -1, 3)
        low = np.stack([np.arange(num_faces) % side, np.arange(num_faces) // side], 1)[:, None] * _CELL + 0.5
        uv = (low + np.array([[0, 0], [_CELL - 1, 0], [0, _CELL - 1]])) / (side * _CELL)
    else:
        flat = colours.mean(1).round()
        known, index = np.unique(flat, axis=0, return_inverse=True)
        side = int(np.ceil(np.sqrt(len(known))))
        picture = np.zeros((side * side, 3))
        picture[: len(known)] = known
        picture = picture.reshape(side, side, 3)
        index = index.reshape(-1)
        centre = (np.stack([index % side, index // side], 1) + 0.5) / side
        uv = np.repeat(centre[:, None], 3, axis=1)
    return uv, np.ascontiguousarray(np.clip(picture.round(), 0, 255).astype(np.uint8)[::-1])


def packed(pieces: list[Piece]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Several pieces as one: coordinates of all faces in order, the distinct textures stacked, and bool [h], the rows
    of those that were painted here."""
    shared: dict[tuple[bytes, tuple[int, ...], bool], int] = {}
    slots = [shared.setdefault((image.tobytes(), image.shape, own), len(shared)) for _, image, own in pieces]
    first = [slots.index(slot) for slot in range(len(shared))]
    step = int(np.ceil(sum(pieces[i][1].shape[0] for i in first) / MAX_TEXTURE_SIDE))
    textures = [pieces[i][1] for i in first]
    if len(textures) > 1:
        textures = [thinned(t, step) if min(t.shape[:2]) > step else t for t in textures]
    heights = [t.shape[0] for t in textures]
    own_rows = np.repeat([pieces[i][2] for i in first], heights)
    if len(textures) == 1:
        return np.concatenate([uv for uv, _, _ in pieces]), textures[0], own_rows
    canvas = np.zeros((sum(heights), max(t.shape[1] for t in textures), 3), np.uint8)
    tops = np.cumsum([0, *heights[:-1]])
    for top, texture in zip(tops, textures, strict=True):
        canvas[top : top + texture.shape[0], : texture.shape[1]] = texture
    moved = []
    for (uv, _, _), slot in zip(pieces, slots, strict=True):
        height, width = textures[slot].shape[:2]
        # Half a texel inside, so that no colour of the neighbour shows at the border.
        inside = np.clip(uv * [width, height], 0.5, [width - 0.5, height - 0.5])
        below = np.array([0, len(canvas) - tops[slot] - height])
        moved.append((inside + below) / [canvas.shape[1], len(canvas)])
    return np.concatenate(moved), canvas, own_rows


def thinned(picture: np.ndarray, step: int) -> np.ndarray:
    """uint8 [h / step, w / step, c], rounded up: colours are means of linear light over blocks, the squares of what is
    displayed; a fourth channel is that of each block's first pixel."""
    if step == 1:
        return picture
    height, width = picture.shape[:2]
    padded = np.pad(picture[..., :3], ((0, -height % step), (0, -width % step), (0, 0)), "edge")
    total = np.zeros((len(padded) // step, padded.shape[1] // step, 3), np.float32)
    for i in range(step):
        for j in range(step):
            total += np.square(padded[i::step, j::step].astype(np.float32))
    colours = np.rint(np.sqrt(total / step**2)).astype(np.uint8)
    return np.concatenate([colours, picture[::step, ::step, 3:]], 2)


def placed(uv: np.ndarray, picture: Picture) -> tuple[np.ndarray, np.ndarray]:
    """(uv, texture): coordinates outside [0, 1] show what the picture wraps to. Where it repeats or is mirrored, faces
    are shifted by whole periods; the picture is tiled where a face covers more than one, or leaves a clamped one."""
    if not np.isfinite(uv).all():
        raise ValueError("has texture coordinates that are not finite; repair its UV")
    if uv.min() >= -1e-4 and uv.max() <= 1 + 1e-4:
        return np.clip(uv, 0, 1), picture.pixels
    uv, first, tiles = uv.copy(), [0, 0], [1, 1]
    for axis, wrap in enumerate(picture.wrap):
        along = uv[..., axis]
        if wrap == "clamp":
            first[axis] = int(np.clip(np.floor(along.min() + 1e-6), -1e9, 0))
            along -= first[axis]
        else:
            period = 2 if wrap == "mirror" else 1
            along -= period * np.floor((along.min(1, keepdims=True) + 1e-6) / period)
        tiles[axis] = max(1, int(min(np.ceil(along.max() - 1e-6), 1e9)))
    if max(tiles) > MAX_REPEATS:
        raise ValueError(f"repeats its texture {max(tiles)} times in one face (limit {MAX_REPEATS}); bake its UV")
    height, width = picture.pixels.shape[:2]
    step = int(np.ceil(max(tiles[0] * width, tiles[1] * height) / MAX_TEXTURE_SIDE))
    thin = thinned(picture.pixels, step)
    columns = _wrapped(picture.wrap[0], first[0], tiles[0], thin.shape[1])
    rows = thin.shape[0] - 1 - _wrapped(picture.wrap[1], first[1], tiles[1], thin.shape[0])[::-1]
    return np.clip(uv / tiles, 0, 1), thin[rows[:, None], columns]


def _wrapped(wrap: str, first: int, tiles: int, size: int) -> np.ndarray:
    """Texels in the picture, along one axis, of ``tiles`` periods from the period ``first``."""
    at = np.arange(tiles * size) + first * size
    if wrap == "clamp":
        return np.clip(at, 0, size - 1)
    if wrap == "mirror":
        at = at % (2 * size)
        return np.where(at < size, at, 2 * size - 1 - at)
    return at % size


def _check_holes(surface: Surface, uv: np.ndarray, holes: np.ndarray) -> None:
    steps = 16 if len(uv) <= 2000 else 3
    grid = np.array([(i + 1 / 3, j + 1 / 3) for i in range(steps) for j in range(steps - i)]) / steps
    weights = np.stack([1 - grid.sum(1), *grid.T], 1)
    height, width = holes.shape
    area = face_areas(surface.vertices, surface.faces)
    lost = 0.0
    for some in range(0, len(uv), 100_000):
        u, v = np.moveaxis(weights @ uv[some : some + 100_000], -1, 0)
        row, column = ((1 - v) * height).astype(int), (u * width).astype(int)
        lost += holes[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)].mean(1) @ area[some : some + 100_000]
    if lost > MAX_HOLES * area.sum():
        raise ValueError(
            f"has a transparent image on {lost / area.sum():.0%} of a surface, which would be shown opaque;"
            " cut the holes into the mesh, or fill the image"
        )
