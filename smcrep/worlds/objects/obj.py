"""OBJ files: polygons with their own texture coordinates, negative indices, vertex colours, materials of MTL files."""

from array import array
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np

from smcrep.worlds.objects.beside import Beside
from smcrep.worlds.objects.mesh_checks import CUT, lines_of, quoted
from smcrep.worlds.objects.mtl import GREY, Material, read_materials
from smcrep.worlds.objects.polygons import triangulated
from smcrep.worlds.objects.surface import Picture, Surface, as_bytes, check_number_of_faces

_FREE_FORM = {"curv", "curv2", "surf"}
_NO_MATERIAL = {"", "none", "(null)", "null"}


@dataclass
class _Rows:
    """What the lines of a file say; indices of corners count from 0, and -1 is none."""

    numbers: array = field(default_factory=lambda: array("d"))  # of all vertices, one after the other
    widths: array = field(default_factory=lambda: array("q"))  # numbers of each vertex
    uv: array = field(default_factory=lambda: array("d"))
    corners: array = field(default_factory=lambda: array("q"))
    corner_uv: array = field(default_factory=lambda: array("q"))
    lengths: array = field(default_factory=lambda: array("q"))
    lines: array = field(default_factory=lambda: array("q"))  # of each polygon, from 1
    materials: array = field(default_factory=lambda: array("q"))  # of each polygon: place in names
    names: list[str | None] = field(default_factory=lambda: [None])
    libraries: list[str] = field(default_factory=list)
    no_surface: int = 0


def read_obj(content: bytes, beside: Beside, max_faces: int, notes: list[str]) -> list[Surface]:
    rows = _rows(content)
    vertices, colours = _vertices(rows)
    lengths = np.array(rows.lengths, int)
    corners, corner_uv = np.array(rows.corners, int), np.array(rows.corner_uv, int)
    _check_range(rows, lengths, corners, len(vertices), "vertex")
    uv = np.array(rows.uv, float).reshape(-1, 2)
    _check_range(rows, lengths, corner_uv, len(uv), "texture coordinate")
    check_number_of_faces(int(np.maximum(lengths - 2, 0).sum()), max_faces)
    if rows.no_surface:
        notes.append(f"has {rows.no_surface} points, lines or faces of two corners, which have no surface")
    triangles, polygon = triangulated(vertices, corners, lengths)
    material = np.array(rows.materials, int)[polygon]
    known = read_materials(rows.libraries, beside)
    found = []
    for place in dict.fromkeys(material.tolist()):
        own = triangles[material == place]
        used, corner = np.unique(corners[own], return_inverse=True)
        where = vertices[used], corner.reshape(-1, 3)
        tint = None if colours is None else colours[corners[own]]
        paint = _material(rows.names[place], known, rows, plain=colours is None)
        found += _painted(where, tint, uv, corner_uv[own], paint, beside, notes)
    return found


def _rows(content: bytes) -> _Rows:
    rows, held = _Rows(), ""
    known: dict[str, tuple[int, int]] = {}  # corners without a minus
    material = 0
    for number, line in enumerate(lines_of(content), 1):
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        line, held = held + line, ""
        words = line.split()
        if not words or words[0][0] == "#":
            continue
        key = words[0].lower()
        if "#" in line and key in ("v", "vt", "f"):
            words = line.partition("#")[0].split()
        try:
            if key == "v":
                rows.numbers.extend(map(float, words[1:]))
                rows.widths.append(len(words) - 1)
            elif key == "vt":
                u, v, *_ = [*map(float, words[1:3]), 0.0]
                rows.uv.extend((u, v))
            elif key == "f":
                if len(words) < 4:
                    rows.no_surface += 1
                    continue
                for word in words[1:]:
                    corner = known.get(word)
                    if corner is None:
                        corner = _corner(word, len(rows.widths), len(rows.uv) // 2, number)
                        if "-" not in word:
                            known[word] = corner
                    rows.corners.append(corner[0])
                    rows.corner_uv.append(corner[1])
                rows.lengths.append(len(words) - 1)
                rows.lines.append(number)
                rows.materials.append(material)
        except (ValueError, OverflowError) as error:
            if str(error).startswith(("has", "names")):
                raise
            raise ValueError(f"has line {number}, {quoted(line)}, which is not of numbers; {CUT}") from None
        if key in ("mtllib", "usemtl"):
            rest = line.strip()[len(key) :].strip()
            if key == "mtllib":
                rows.libraries.append(rest)
            else:
                if rest not in rows.names:
                    rows.names.append(rest)
                material = rows.names.index(rest)
        elif key in ("l", "p"):
            rows.no_surface += 1
        elif key in _FREE_FORM or (key in ("call", "usemap") and words[1:] not in ([], ["off"])):
            what = "a free-form curve or surface" if key in _FREE_FORM else f"the statement {key}"
            raise ValueError(f"has {what} (line {number}), which is not read; export it as polygons with an MTL file")
    return rows


def _corner(word: str, num_vertices: int, num_uv: int, number: int) -> tuple[int, int]:
    """(vertex, texture coordinate) of "v", "v/vt", "v//vn" or "v/vt/vn"."""
    vertex, _, rest = word.partition("/")
    uv = rest.partition("/")[0]
    return _place(int(vertex), num_vertices, "vertex", number), (
        _place(int(uv), num_uv, "texture coordinate", number) if uv else -1
    )


def _place(index: int, count: int, what: str, number: int) -> int:
    if index > 0:
        return index - 1
    if index == 0 or index < -count:
        reason = "counts from 1" if index == 0 else f"has {count} before it"
        raise ValueError(f"names {what} {index} in line {number}, and {reason}; {CUT}")
    return count + index


def _vertices(rows: _Rows) -> tuple[np.ndarray, np.ndarray | None]:
    """(positions, colours from 0 to 255 or None): "x y z", "x y z w", "x y z r g b" or "x y z r g b a"."""
    widths, numbers = np.array(rows.widths, int), np.array(rows.numbers, float)
    if len(widths) == 0:
        return np.zeros((0, 3)), None
    if (widths < 3).any():
        raise ValueError(f"has {(widths < 3).sum()} vertices that are not of three numbers; {CUT}")
    first = np.cumsum(widths) - widths
    weight = numbers[first[widths == 4] + 3]
    if (weight != 1).any():
        raise ValueError(f"has {(weight != 1).sum()} vertices with a weight other than 1; export it as plain polygons")
    coloured = np.isin(widths, (6, 7))
    if coloured.any() and not coloured.all():
        raise ValueError(f"has colours at {coloured.sum()} of {len(widths)} vertices; give all of them one, or none")
    if (widths[~coloured] > 4).any():
        raise ValueError(f"has vertices of {widths[~coloured].max()} numbers; give x y z, or x y z r g b")
    at = first[:, None] + np.arange(3)
    return numbers[at], as_bytes(numbers[at + 3], False, "vertices") if coloured.any() else None


def _check_range(rows: _Rows, lengths: np.ndarray, corners: np.ndarray, count: int, what: str) -> None:
    if len(corners) and corners.max() >= count:
        polygon = int(np.searchsorted(np.cumsum(lengths), corners.argmax(), "right"))
        raise ValueError(f"names {what} {corners.max() + 1} of {count} in line {rows.lines[polygon]}; {CUT}")


def _material(name: str | None, known: dict[str, Material], rows: _Rows, *, plain: bool) -> Material | None:
    if name is not None:
        for spelling in (name, name.partition("#")[0].strip(), name.strip("\"'")):
            if spelling in known:
                return known[spelling]
        if name.lower() in _NO_MATERIAL or not plain:
            return None
        listed = f"none of its {len(known)} materials" if rows.libraries else "it names no material file"
        raise ValueError(
            f"uses the material {name!r}, but {listed} is called so; mend usemtl, or mtllib and the MTL file"
        )
    if len(known) > 1 and plain:
        _undecided(known)
    return next(iter(known.values())) if len(known) == 1 else None


def _undecided(known: dict[str, Material]) -> NoReturn:
    raise ValueError(f"has faces before any usemtl and {len(known)} materials to choose from; add a line usemtl")


def _painted(
    where: tuple[np.ndarray, np.ndarray],
    colours: np.ndarray | None,
    uv: np.ndarray,
    corner_uv: np.ndarray,
    material: Material | None,
    beside: Beside,
    notes: list[str],
) -> list[Surface]:
    """Faces of one material: its image where they have texture coordinates, else vertex colours, else its colour."""
    vertices, faces = where
    if colours is None:
        plain = GREY if material is None or material.colour is None else material.colour
        colours = np.broadcast_to(np.array(plain, float), (len(faces), 3, 3))
    elif material is not None and material.image:
        notes.append("has vertex colours beside an image; the image is shown")
    if material is None or not material.image:
        return [Surface(vertices, faces, colours)]
    mapped = (corner_uv >= 0).all(1)
    if not mapped.any():
        raise ValueError(
            f"has a texture image but no texture coordinates (material {material.name!r}); export it with UV"
        )
    if not mapped.all():
        notes.append(
            f"has {(~mapped).sum()} faces without texture coordinates, which show the colour of their material"
        )
    picture = Picture(material.pixels(beside), material.wrap)
    shown = Surface(vertices, faces[mapped], None, picture, uv[corner_uv[mapped]] * material.scale + material.offset)
    return [shown] + ([] if mapped.all() else [Surface(vertices, faces[~mapped], colours[~mapped])])
