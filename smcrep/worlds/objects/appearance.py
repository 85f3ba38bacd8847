"""Colours of a mesh file (texture, materials, face or vertex colours) as one texture and uv of face corners."""

import numpy as np
from PIL import Image

GREY = (160, 160, 160)
MAX_TEXTURE_SIDE = 4096
MAX_REPEATS = 16
_CELL = 4  # texels on a side of the cell in which a face blends the colours of its corners
_MAX_BLENDED_FACES = (MAX_TEXTURE_SIDE // _CELL) ** 2


def texture_of(geometry) -> tuple[np.ndarray, np.ndarray]:
    """(uv float64 [f, 3, 2], texture uint8 [h, w, 3]) of a `trimesh.Trimesh`; plain grey where it has no colour.

    Raises ValueError where it has an image but no finite coordinates, or one repeated more than MAX_REPEATS times.
    """
    visual = geometry.visual
    num_faces = len(geometry.faces)
    if visual.kind == "texture":
        material = visual.material
        tint = np.array(material.main_color[:3], float)
        image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
        if image is None:
            return painted(np.broadcast_to(tint, (num_faces, 3, 3)))
        if visual.uv is None:
            raise ValueError("has a texture image but no texture coordinates; export it with UV")
        texture = rgb_array(image)
        if getattr(material, "baseColorFactor", None) is not None:  # glTF: the image is multiplied by the factor
            texture = (texture * (tint / 255)).astype(np.uint8)
        return _inside_unit_square(np.asarray(visual.uv, float)[geometry.faces], texture)
    if visual.kind == "face":
        return painted(np.repeat(visual.face_colors[:, None, :3], 3, axis=1))
    if visual.kind == "vertex":
        return painted(visual.vertex_colors[:, :3][geometry.faces])
    return painted(np.broadcast_to(np.array(GREY), (num_faces, 3, 3)))


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


def packed(pieces: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Several (uv, texture) as one: the distinct textures stacked, coordinates of all faces in order."""
    shared: dict[bytes, int] = {}
    textures, slots = [], []
    for _, texture in pieces:
        key = texture.tobytes() + bytes(str(texture.shape), "ascii")
        if key not in shared:
            shared[key] = len(textures)
            textures.append(texture)
        slots.append(shared[key])
    if len(textures) == 1:
        return np.concatenate([uv for uv, _ in pieces]), textures[0]
    step = int(np.ceil(sum(t.shape[0] for t in textures) / MAX_TEXTURE_SIDE))
    textures = [t[::step, ::step] if min(t.shape[:2]) > step else t for t in textures]
    heights = [t.shape[0] for t in textures]
    canvas = np.zeros((sum(heights), max(t.shape[1] for t in textures), 3), np.uint8)
    tops = np.cumsum([0, *heights[:-1]])
    for top, texture in zip(tops, textures, strict=True):
        canvas[top : top + texture.shape[0], : texture.shape[1]] = texture
    moved = []
    for (uv, _), slot in zip(pieces, slots, strict=True):
        height, width = textures[slot].shape[:2]
        # Half a texel inside, so that no colour of the neighbour shows at the border.
        inside = np.clip(uv * [width, height], 0.5, [width - 0.5, height - 0.5])
        below = np.array([0, len(canvas) - tops[slot] - height])
        moved.append((inside + below) / [canvas.shape[1], len(canvas)])
    return np.concatenate(moved), canvas


def rgb_array(image: Image.Image) -> np.ndarray:
    """uint8 [h, w, 3] of an image of any mode but floating point; 16-bit grey keeps its upper byte."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image, np.uint32) >> 8).astype(np.uint8))
    return np.array(image.convert("RGB"))


def _inside_unit_square(uv: np.ndarray, texture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates outside [0, 1] repeat the image: faces are shifted by whole periods, and the image is tiled where a
    single face covers more than one period."""
    if not np.isfinite(uv).all():
        raise ValueError("has texture coordinates that are not finite; repair its UV")
    if uv.min() >= -1e-4 and uv.max() <= 1 + 1e-4:
        return np.clip(uv, 0, 1), texture
    uv = uv - np.floor(uv.min(1, keepdims=True) + 1e-6)
    repeats = np.maximum(1, np.ceil(uv.max((0, 1)) - 1e-6)).astype(int)
    if repeats.max() > MAX_REPEATS:
        raise ValueError(f"repeats its texture {repeats.max()} times in one face (limit {MAX_REPEATS}); bake its UV")
    step = int(np.ceil((repeats[::-1] * texture.shape[:2]).max() / MAX_TEXTURE_SIDE))
    tiled = np.tile(texture[::step, ::step], (repeats[1], repeats[0], 1))
    return np.clip(uv / repeats, 0, 1), tiled
