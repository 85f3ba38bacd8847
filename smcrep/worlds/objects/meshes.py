"""Mesh files (OBJ with MTL and texture, OFF, PLY, STL, GLB) as objects, with errors of one line."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from smcrep.worlds.objects.appearance import packed, texture_of
from smcrep.worlds.objects.atlas import face_areas
from smcrep.worlds.objects.beside import Beside
from smcrep.worlds.objects.finding import SUFFIXES, find, find_meshes
from smcrep.worlds.objects.gltf import read_glb
from smcrep.worlds.objects.mesh_checks import content_of, is_file
from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.objects.obj import read_obj
from smcrep.worlds.objects.off import read_off
from smcrep.worlds.objects.ply import read_ply
from smcrep.worlds.objects.stl import read_stl
from smcrep.worlds.objects.surface import Surface

__all__ = ["SUFFIXES", "find_meshes", "load_folder", "load_mesh"]

UNITS_M = {"m": 1.0, "dm": 0.1, "cm": 0.01, "mm": 0.001, "inch": 0.0254, "foot": 0.3048}
MAX_FACES = 2_000_000
DIAMETER_RANGE_M = (1e-3, 10.0)
MAX_COORDINATE = 1e30
MIN_STEPS = 1000
"""Least extent of a mesh, in steps of its floating-point numbers: farther from the origin its shape is lost."""
UP = {
    "z": np.eye(3),
    "y": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
    "x": np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]),
}
"""Rotation that brings the file's up axis to z."""


def load_mesh(
    path: str | Path,
    *,
    unit: str | float = "m",
    up: str = "z",
    family: str | None = None,
    scale_to_diameter_m: float | None = None,
    root: str | Path | None = None,
    notes: list[str] | None = None,
) -> ObjectModel:
    """The mesh of a file, in metres, z up, centred on its bounding box; name and (default) family are the file's stem.

    unit                  of the file's coordinates: a name in UNITS_M or its length in metres. Never guessed.
    up                    the file's axis that points up: "x", "y" or "z". Never guessed (glTF files have "y").
    scale_to_diameter_m   scales the object to this diameter instead (`ObjectModel.diameter`), for files without a
                          meaningful unit, such as ModelNet's; ``unit`` is then ignored.
    root                  folder in which the files that the mesh names may lie ("../images/a.png"); None: its own
    notes                 gets a line for what the file has and the object has not, with its number

    Faces of zero area are dropped, parts are joined, and a closed surface that is inside out is flipped.
    Raises ValueError, in one line that names the file: missing, unreadable, without faces, more than MAX_FACES faces,
    not finite, too far from the origin for its digits, of zero area, a diameter outside DIAMETER_RANGE_M, or a texture
    or material file that it names is missing, unreadable, or outside of its folder.
    """
    path = Path(path)
    metres = _unit_in_metres(unit)
    if up not in UP:
        raise ValueError(f"load_mesh: up is {up!r}; choose from {', '.join(UP)}")
    if scale_to_diameter_m is not None and not 0 < scale_to_diameter_m < np.inf:
        raise ValueError(f"load_mesh: scale_to_diameter_m is {scale_to_diameter_m}; give a length above 0 m")
    if not is_file(path):
        raise ValueError(f"load_mesh: there is no file {path}; check the path")
    try:
        told: list[str] = []
        vertices, faces, uv, texture, painted = _read(path, Path(root) if root is not None else None, told)
        vertices = vertices @ UP[up].T * metres
        vertices -= (vertices.min(0) + vertices.max(0)) / 2
        diameter = 2 * np.linalg.norm(vertices, axis=1).max()
        if scale_to_diameter_m is not None:
            vertices *= scale_to_diameter_m / diameter
        else:
            _check_diameter(diameter, unit, metres)
    except ValueError as error:
        words = " ".join(str(error).split())  # names in a file may contain line separators
        raise ValueError(f"load_mesh: {path} {words}") from error
    if notes is not None:
        notes += [f"{path} {note}" for note in dict.fromkeys(told)]
    return ObjectModel(
        path.stem,
        family or path.stem,
        vertices.astype(np.float32),
        faces.astype(np.int32),
        uv.astype(np.float32),
        texture,
        painted=painted,
    )


def load_folder(
    root: str | Path,
    *,
    unit: str | float = "m",
    up: str = "z",
    families: Mapping[str, str] | None = None,
    scale_to_diameter_m: float | None = None,
    on_bad: Literal["skip", "refuse"] = "skip",
) -> tuple[list[ObjectModel], list[str]]:
    """(objects, problems): every object under ``root`` (see `finding.find`), sorted by name; a line for each file that
    is no object of its own or cannot be used.

    Its family is ``families[name]``, else its name. Files that a mesh names may lie anywhere below ``root``.
    on_bad="refuse" raises the first that cannot be used as ValueError. A folder that is missing or without a mesh is a
    ValueError.
    """
    if on_bad not in ("skip", "refuse"):
        raise ValueError(f"load_folder: on_bad is {on_bad!r}; choose 'skip' or 'refuse'")
    found = find(root)
    objects, problems = [], found.report()
    for name, path in found.kept.items():
        try:
            loaded = load_mesh(path, unit=unit, up=up, scale_to_diameter_m=scale_to_diameter_m, root=root)
        except ValueError as error:
            if on_bad == "refuse":
                raise
            problems.append(str(error))
        else:
            objects.append(replace(loaded, name=name, family=(families or {}).get(name, name)))
    return objects, problems


def _read(path: Path, root: Path | None, notes: list[str]) -> tuple[np.ndarray, ...]:
    """(vertices [v, 3] in the file's unit and axes, faces [f, 3], uv [f, 3, 2], texture, its painted rows) of a usable
    mesh; raises ValueError with a predicate ("has no faces; ...") for any other."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"is not of a known kind; give one of {', '.join(SUFFIXES)}")
    pieces = [piece for piece in surfaces(path, root, notes) if len(piece.faces)]
    if not pieces:
        raise ValueError("has no faces; an object needs a surface")
    uv, texture, painted = packed([texture_of(piece) for piece in pieces])
    first = np.cumsum([0] + [len(piece.vertices) for piece in pieces[:-1]])
    vertices = np.concatenate([piece.vertices for piece in pieces])
    faces = np.concatenate([piece.faces + start for piece, start in zip(pieces, first, strict=True)])
    if not np.isfinite(vertices[faces]).all():
        bad = int((~np.isfinite(vertices)).any(1).sum())
        raise ValueError(f"has {bad} vertices that are not finite; repair or remove it")
    _check_digits(vertices[faces])

    # Vertices that are split at texture seams are joined: here texture coordinates belong to corners.
    vertices, joined = np.unique(vertices + 0.0, axis=0, return_inverse=True)  # + 0.0 turns -0 into 0
    faces = joined.reshape(-1)[faces]
    extent = np.ptp(vertices[faces].reshape(-1, 3), axis=0).max()
    solid = face_areas(vertices, faces) > 1e-14 * extent**2
    if not solid.any():
        raise ValueError("is degenerate: every face has zero area; repair or remove it")
    if not solid.all():
        notes.append(f"has {(~solid).sum()} faces of zero area, which are left out")
    used, corner = np.unique(faces[solid], return_inverse=True)
    vertices, faces, uv = vertices[used], corner.reshape(-1, 3), uv[solid]
    a, b, c = (vertices - vertices.mean(0))[faces.T]
    volume = np.einsum("fi,fi->", a, np.cross(b, c)) / 6
    if volume < -1e-3 * np.prod(np.ptp(vertices, axis=0)):
        faces, uv = faces[:, ::-1], uv[:, ::-1]
    return vertices, faces, uv, texture, painted


def surfaces(path: Path, root: Path | None, notes: list[str]) -> list[Surface]:
    """What the reader of the format of ``path`` finds; every kind of colour that the file declares is in it."""
    content, beside = content_of(path), Beside.of(path, root)
    match path.suffix.lower():
        case ".obj":
            return read_obj(content, beside, MAX_FACES, notes)
        case ".off":
            return read_off(content, MAX_FACES, notes)
        case ".ply":
            return read_ply(content, beside, MAX_FACES, notes)
        case ".stl":
            return read_stl(content, MAX_FACES)
        case _:
            return read_glb(content, beside, MAX_FACES, notes)


def _check_digits(corners: np.ndarray) -> None:
    """Far from the origin, floating-point numbers have no digits left for the shape."""
    far, extent = np.abs(corners).max(), np.ptp(corners.reshape(-1, 3), axis=0).max()
    if far > MAX_COORDINATE:
        raise ValueError(f"has coordinates up to {far:.1e}; repair or remove it")
    single = (corners == corners.astype(np.float32)).all()
    step = np.spacing(np.float32(far)) if single else np.spacing(far)
    if 0 < extent < MIN_STEPS * step:
        raise ValueError(
            f"lies {far:.3g} from the origin, where its numbers are {step:.1g} apart and it is {extent:.3g} large;"
            " centre it before it is exported"
        )


def _unit_in_metres(unit: str | float) -> float:
    if isinstance(unit, str):
        if unit not in UNITS_M:
            raise ValueError(f"load_mesh: unit is {unit!r}; choose from {', '.join(UNITS_M)} or give its metres")
        return UNITS_M[unit]
    if not 0 < unit < np.inf:
        raise ValueError(f"load_mesh: unit is {unit}; give a length above 0 m")
    return float(unit)


def _check_diameter(diameter: float, unit: str | float, metres: float) -> None:
    low, high = DIAMETER_RANGE_M
    if low <= diameter <= high:
        return
    fitting = [
        f"{name!r} ({diameter / metres * m:.3g} m)"
        for name, m in UNITS_M.items()
        if low <= diameter / metres * m <= high
    ]
    advice = f"is its unit {' or '.join(fitting)}?" if fitting else "pass scale_to_diameter_m to bring it to a size"
    raise ValueError(f"has a diameter of {diameter:.3g} m with unit={unit!r}, outside {low:g} to {high:g} m; {advice}")
