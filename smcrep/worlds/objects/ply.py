"""PLY files: faces, strips, textures, and colours of vertices or faces in any of the types in use."""

import re

import numpy as np

from smcrep.worlds.objects.beside import Beside
from smcrep.worlds.objects.mtl import GREY
from smcrep.worlds.objects.ply_elements import Element, read_elements
from smcrep.worlds.objects.polygons import triangulated
from smcrep.worlds.objects.surface import Picture, Surface, as_bytes, check_indices, check_number_of_faces

_COLOURS = [("red", "green", "blue"), ("diffuse_red", "diffuse_green", "diffuse_blue"), ("r", "g", "b")]
_UV = [("s", "t"), ("u", "v"), ("texture_u", "texture_v"), ("texture_s", "texture_t")]
_INDICES = ("vertex_indices", "vertex_index")
_WHITE = {"u1": 255.0, "u2": 65535.0}


def read_ply(content: bytes, beside: Beside, max_faces: int, notes: list[str]) -> list[Surface]:
    comments, elements = read_elements(content)
    matches = [re.match(r"texturefile\s+(.+)", line, re.IGNORECASE) for line in comments]
    names = list(dict.fromkeys(match[1].strip() for match in matches if match))
    for name in names:
        beside.find(name, "texture")
    vertex = elements.get("vertex")
    if vertex is None or any(axis not in vertex.columns for axis in "xyz"):
        raise ValueError("has no vertices of x, y and z; it is no mesh")
    vertices = np.stack([vertex.columns[axis].astype(float) for axis in "xyz"], 1)
    corners, lengths = _polygons(elements)
    if "range_grid" in elements and not len(lengths):
        raise ValueError("is a range grid and has no faces; an object needs a surface: mesh it first")
    check_indices(corners, len(vertices))
    check_number_of_faces(int(np.maximum(lengths - 2, 0).sum()), max_faces)
    if (lengths < 3).any():
        notes.append(f"has {(lengths < 3).sum()} faces of fewer than three corners, which have no surface")
    triangles, polygon = triangulated(vertices, corners, lengths)
    faces = corners[triangles]
    colours = _colours(elements, faces, polygon)
    if not names:
        return [Surface(vertices, faces, colours)]
    if colours is not None:
        notes.append("has colours beside an image; the image is shown")
    return _textured(elements, names, beside, Surface(vertices, faces, colours), triangles, polygon, lengths)


def _polygons(elements: dict[str, Element]) -> tuple[np.ndarray, np.ndarray]:
    """(corners, number of each face): faces, then triangles of strips, which -1 begins anew."""
    face = elements.get("face")
    corners, lengths = face.lists.get(_name_of(face), (np.zeros(0, int), np.zeros(0, int))) if face else ([], [])
    corners, lengths = np.asarray(corners).astype(int), np.asarray(lengths, int)
    strips = elements.get("tristrips")
    if strips is None or strips.count == 0:
        return corners, lengths
    along, strip_lengths = strips.lists.get(_name_of(strips), (np.zeros(0, int), np.zeros(0, int)))
    ends = np.cumsum(strip_lengths)[:-1]
    found = [corners]
    for strip in np.split(np.asarray(along).astype(int), ends):
        for piece in np.split(strip, np.flatnonzero(strip == -1)):
            found.append(_unrolled(piece[piece != -1]).reshape(-1))
    triangles = sum(len(each) for each in found[1:]) // 3
    return np.concatenate(found).astype(int), np.concatenate([lengths, np.full(triangles, 3)])


def _unrolled(strip: np.ndarray) -> np.ndarray:
    """[n - 2, 3]: every second triangle of a strip turns the other way."""
    if len(strip) < 3:
        return np.zeros((0, 3), int)
    found = np.stack([strip[:-2], strip[1:-1], strip[2:]], 1)
    found[1::2] = found[1::2, [1, 0, 2]]
    return found


def _name_of(element: Element) -> str:
    return next((name for name in _INDICES if name in element.lists), "")


def _channels(element: Element | None, what: str) -> np.ndarray | None:
    """[n, 3] from 0 to 255, or None."""
    names = next((n for n in _COLOURS if element and all(name in element.columns for name in n)), None)
    if element is None or names is None or element.count == 0:
        return None
    columns = [element.columns[name] for name in names]
    kinds = {element.types[name][-2:] for name in names}
    full = _WHITE.get(kinds.pop()) if len(kinds) == 1 else None
    values = np.stack([column.astype(float) for column in columns], 1)
    if full == 65535.0 and values.max() <= 255:
        full = 255.0  # bytes in a wider type
    whole = all(np.issubdtype(column.dtype, np.integer) for column in columns)
    return as_bytes(values, whole, what, full)


def _colours(elements: dict[str, Element], faces: np.ndarray, polygon: np.ndarray) -> np.ndarray | None:
    """[f, 3, 3]: of vertices, of faces, or of the materials that either names; where two are given, the one that is
    not the same everywhere."""
    found = []
    for name, what in (("vertex", "vertices"), ("face", "faces")):
        element = elements.get(name)
        values = _channels(element, what)
        palette = _channels(elements.get("material"), "materials")
        if values is None and element is not None and palette is not None and "material_index" in element.columns:
            index = element.columns["material_index"].astype(int)
            check_indices(index, len(palette), " or vertex with a material")
            values = palette[index]
        if values is None:
            continue
        if name == "vertex":
            found.append(values[faces])
        else:
            full = np.full((max(int(polygon.max()) + 1 if len(polygon) else 0, len(values)), 3), np.array(GREY, float))
            full[: len(values)] = values
            found.append(np.repeat(full[polygon][:, None], 3, axis=1))
    varied = [colours for colours in found if len(colours) and (colours != colours[0, 0]).any()]
    if len(varied) == 2 and (varied[0] != varied[1]).any():
        raise ValueError("has colours of vertices and others of faces; export it with one of them")
    return (varied or found or [None])[0]


def _textured(
    elements: dict[str, Element],
    names: list[str],
    beside: Beside,
    plain: Surface,
    triangles: np.ndarray,
    polygon: np.ndarray,
    lengths: np.ndarray,
) -> list[Surface]:
    """A surface for each image, and one for the faces without texture coordinates."""
    uv, mapped = _coordinates(elements, plain.faces, triangles, polygon, lengths)
    face = elements.get("face")
    number = face.columns.get("texnumber") if face else None
    if number is None:
        if len(names) > 1:
            raise ValueError(f"names {len(names)} images and no texnumber of its faces; export it with one image")
        image = np.zeros(len(polygon), int)
    else:
        image = number.astype(int)[polygon]
        mapped = mapped & (image >= 0)
        check_indices(image[mapped], len(names), " with an image")
    if not mapped.any():
        raise ValueError("has a texture image but no texture coordinates; export it with UV")
    found = []
    for i in np.unique(image[mapped]):
        own = mapped & (image == i)
        found.append(Surface(plain.vertices, plain.faces[own], None, Picture(beside.picture(names[i])), uv[own]))
    if not mapped.all():
        rest = None if plain.colours is None else plain.colours[~mapped]
        found.append(Surface(plain.vertices, plain.faces[~mapped], rest))
    return found


def _coordinates(
    elements: dict[str, Element], faces: np.ndarray, triangles: np.ndarray, polygon: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(uv [f, 3, 2], bool [f]: the face has them): a list "texcoord" of each face, else two columns of the vertices."""
    face, vertex = elements.get("face"), elements["vertex"]
    if face is not None and "texcoord" in face.lists:
        values, counts = face.lists["texcoord"]
        own = np.zeros(len(lengths), int)
        own[: len(counts)] = counts
        if ((own != 0) & (own != 2 * lengths)).any():
            raise ValueError("has faces whose texcoord is not two numbers for each corner; export its UV anew")
        start = np.cumsum(own) - own
        first = np.cumsum(lengths) - lengths
        mapped = own[polygon] > 0
        at = start[polygon][:, None] + 2 * (triangles - first[polygon][:, None])
        at = np.where(mapped[:, None], at, 0)
        values = np.append(np.asarray(values, float), [0.0, 0.0])
        return np.stack([values[at], values[at + 1]], -1), mapped
    names = next((n for n in _UV if all(name in vertex.columns for name in n)), None)
    if names is None:
        return np.zeros((len(faces), 3, 2)), np.zeros(len(faces), bool)
    uv = np.stack([vertex.columns[name].astype(float) for name in names], 1)
    return uv[faces], np.ones(len(faces), bool)
