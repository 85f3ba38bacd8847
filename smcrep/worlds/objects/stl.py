"""STL files, binary or text, with the two ways in which binary ones give faces a colour."""

import struct

import numpy as np

from smcrep.worlds.objects.mesh_checks import CUT, lines_of, quoted
from smcrep.worlds.objects.mtl import GREY
from smcrep.worlds.objects.surface import Surface, check_number_of_faces

_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("colour", "<u2")])


def read_stl(content: bytes, max_faces: int) -> list[Surface]:
    if len(content) >= 84:
        (count,) = struct.unpack_from("<I", content, 80)
        if len(content) == 84 + 50 * count:
            check_number_of_faces(count, max_faces)
            return _binary(content[:80], np.frombuffer(content, _FACET, count, 84))
        if not content.lstrip()[:5].lower() == b"solid":
            raise ValueError(f"declares {count} triangles ({84 + 50 * count} bytes) in {len(content)}; {CUT}")
    return _text(content, max_faces)


def _binary(header: bytes, facets: np.ndarray) -> list[Surface]:
    """Materialise writes "COLOR=" and the colour of the object into the header, and sets bit 15 of a facet that keeps
    it; VisCAM has no such header, and sets bit 15 of a facet that has a colour. Five bits for each channel."""
    vertices = facets["corners"].astype(float).reshape(-1, 3)
    faces = np.arange(len(vertices)).reshape(-1, 3)
    channels = np.stack([(facets["colour"] >> shift) & 31 for shift in (0, 5, 10)], 1) * (255 / 31)
    marked = (facets["colour"] >> 15).astype(bool)[:, None]
    at = header.find(b"COLOR=")
    if at >= 0 and at + 10 <= len(header):
        colours = np.where(marked, np.frombuffer(header, np.uint8, 3, at + 6), channels)
    elif marked.any():
        colours = np.where(marked, channels[:, ::-1], GREY)
    else:
        return [Surface(vertices, faces)]
    return [Surface(vertices, faces, np.repeat(colours[:, None], 3, axis=1))]


def _text(content: bytes, max_faces: int) -> list[Surface]:
    if b"endsolid" not in content.lower():
        raise ValueError(f"has no endsolid; {CUT}")
    rows, lengths, loop = [], [], 0
    for number, line in enumerate(lines_of(content), 1):
        words = line.split()
        if not words:
            continue
        key = words[0].lower()
        if key == "vertex":
            try:
                x, y, z = map(float, words[1:])
            except ValueError:
                raise ValueError(f"has line {number}, {quoted(line)}, which is not of three numbers; {CUT}") from None
            rows.append((x, y, z))
            loop += 1
        elif key == "endloop":
            lengths.append(loop)
            loop = 0
    if loop or any(length != 3 for length in lengths):
        raise ValueError(f"has a facet that is not of three corners; {CUT}")
    check_number_of_faces(len(lengths), max_faces)
    vertices = np.array(rows, float).reshape(-1, 3)
    return [Surface(vertices, np.arange(len(vertices)).reshape(-1, 3))]
