"""OFF files of Geomview: OFF, COFF, STOFF, NOFF and their combinations, as text; polygons with or without colours."""

import re

import numpy as np

from smcrep.worlds.objects.mesh_checks import CUT, lines_of, quoted
from smcrep.worlds.objects.mtl import GREY
from smcrep.worlds.objects.polygons import triangulated
from smcrep.worlds.objects.surface import Surface, as_bytes, check_indices, check_number_of_faces


def read_off(content: bytes, max_faces: int, notes: list[str]) -> list[Surface]:
    lines = [line for raw in lines_of(content) if (line := raw.partition("#")[0].strip())]
    header = re.match(r"(ST)?(C)?(N)?(4)?(n)?OFF(.*)", lines[0], re.IGNORECASE) if lines else None
    if header is None:
        raise ValueError("does not begin with OFF; is it of another kind, or empty?")
    texture, coloured, normal, fourth, many, rest = header.groups()
    if "BINARY" in rest.upper():
        raise ValueError("is a binary OFF; export it as text")
    if fourth or many:
        raise ValueError("is an OFF of more than three dimensions; export it as OFF")
    used = 1 if rest.split() else 2  # the counts may be on the line of the keyword, even without a space
    counts = (rest if used == 1 else " ".join(lines[1:2])).split()[:2]
    if len(counts) < 2 or not all(re.fullmatch(r"\d{1,18}", count) for count in counts):
        raise ValueError(f"has no numbers of vertices and faces after OFF; {CUT}")
    num_vertices, num_faces = map(int, counts)
    if num_vertices + num_faces > len(lines) - used:
        raise ValueError(f"declares {num_vertices} vertices and {num_faces} faces in {len(lines) - used} lines; {CUT}")
    if texture:
        notes.append("has texture coordinates and no image; they are not used")
    vertices, colours = _vertices(lines[used : used + num_vertices], 6 if normal else 3, bool(coloured), bool(texture))
    corners, lengths, painted = _faces(lines[used + num_vertices : used + num_vertices + num_faces])
    check_indices(corners, len(vertices))
    check_number_of_faces(int(np.maximum(lengths - 2, 0).sum()), max_faces)
    triangles, polygon = triangulated(vertices, corners, lengths)
    faces = corners[triangles]
    if painted is not None and colours is None:
        return [Surface(vertices, faces, np.repeat(painted[polygon][:, None], 3, axis=1))]
    if painted is not None:
        notes.append("has colours of faces beside those of vertices, which are shown")
    return [Surface(vertices, faces, None if colours is None else colours[faces])]


def _vertices(
    lines: list[str], first_colour: int, coloured: bool, textured: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """(positions, colours or None): position, normal, colour (3 or 4 numbers), texture coordinates (2)."""
    rows = [line.split() for line in lines]
    widths = {len(row) for row in rows}
    if not rows:
        return np.zeros((0, 3)), None
    if len(widths) > 1 or min(widths) < 3:
        odd = next(i for i, row in enumerate(rows) if len(row) < 3 or len(row) != len(rows[0]))
        raise ValueError(f"has vertex {odd}, {quoted(lines[odd])}, of another length than the first; {CUT}")
    numbers = _numbers(rows, lines, "vertex")
    width = widths.pop() - (2 if textured else 0)
    if not coloured:
        extra = width - first_colour
        if extra in (3, 4):  # colours that the keyword does not announce, as some programs write them
            coloured = True
        elif extra != 0:
            raise ValueError(
                f"has vertices of {width} numbers, {max(extra, 0)} of them unknown; export it as OFF or COFF"
            )
    if not coloured:
        return numbers[:, :3], None
    if width - first_colour not in (3, 4):
        raise ValueError(f"has {width - first_colour} numbers for the colour of a vertex; give 3 or 4")
    values = numbers[:, first_colour : first_colour + 3]
    return numbers[:, :3], as_bytes(values, False, "vertices")


def _faces(lines: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """(corners, their number in each face, colours [f, 3] from 0 to 255 or None)."""
    rows = [line.split() for line in lines]
    if all(row[0] == "3" and len(row) == 4 for row in rows):
        table = _numbers(rows, lines, "face").reshape(-1, 4)
        return table[:, 1:].astype(int).reshape(-1), np.full(len(rows), 3), None
    corners: list[int] = []
    lengths, colours = np.zeros(len(rows), int), np.full((len(rows), 3), np.nan)
    for i, row in enumerate(rows):
        try:
            lengths[i] = length = int(row[0])
            own = [int(word) for word in row[1 : 1 + length]]
            if len(own) != length:
                raise ValueError
            behind = row[1 + length :]
            if behind:
                if len(behind) not in (3, 4):
                    raise ValueError("has faces with an index of a colour map; write their colours as r g b")
                colours[i] = [float(word) for word in behind[:3]]
        except (ValueError, OverflowError) as error:
            if str(error).startswith("has"):
                raise
            raise ValueError(f"has face {i}, {quoted(lines[i])}, which is not of whole numbers; {CUT}") from None
        corners += own
    known = ~np.isnan(colours[:, 0])
    colours[known] = as_bytes(colours[known], False, "faces")
    colours[~known] = GREY
    return np.array(corners, int), lengths, colours if known.any() else None


def _numbers(rows: list[list[str]], lines: list[str], what: str) -> np.ndarray:
    try:
        return np.array(rows, float)
    except ValueError:
        for i, row in enumerate(rows):
            try:
                [float(word) for word in row]
            except ValueError:
                raise ValueError(f"has {what} {i}, {quoted(lines[i])}, which is not of numbers; {CUT}") from None
        raise
