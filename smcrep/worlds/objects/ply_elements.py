"""The elements of a PLY file, text or binary, with lists of any length."""

import re
from dataclasses import dataclass, field

import numpy as np

from smcrep.worlds.objects.mesh_checks import CUT, lines_of, quoted, text_of

_TYPES = {"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"}
_TYPES |= {"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"}
_TYPES |= {"int64": "i8", "uint64": "u8", "long": "i8", "ulong": "u8", "longlong": "i8", "ulonglong": "u8"}
_TYPES |= {"float": "f4", "float32": "f4", "double": "f8", "float64": "f8"}


@dataclass
class Element:
    """Columns by name; lists by name as (values, one row after the other; the length of each row)."""

    name: str
    count: int
    properties: list[tuple[str, str, str]] = field(default_factory=list)  # name, type, type of its length or ""
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    lists: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    @property
    def types(self) -> dict[str, str]:
        return {name: kind for name, kind, _ in self.properties}


def read_elements(content: bytes) -> tuple[list[str], dict[str, Element]]:
    """(comments, elements by name)."""
    found = re.search(rb"end_header[ \t]*(\r\n|\n|\r)", content)
    if not content.startswith(b"ply") or found is None:
        raise ValueError("has no PLY header from 'ply' to 'end_header'; is it of another kind, or cut short?")
    kind, comments, elements = _header(content[: found.start()])
    body = content[found.end() :]
    declared = sum(element.count for element in elements)
    if kind == "ascii":
        lines = [line for line in lines_of(body) if line.strip()]
        size, unit = len(lines), "lines"
    else:
        lines, size, unit = [], len(body), "bytes"
    if declared > size:
        listed = " and ".join(f"{element.count} of {element.name}" for element in elements)
        raise ValueError(f"declares {listed} in {size} {unit}; {CUT}")
    at = 0
    for element in elements:
        if kind == "ascii":
            _from_text(element, lines[at : at + element.count])
            at += element.count
        else:
            at = _from_bytes(element, body, at, ">" if "big" in kind else "<")
    return comments, {element.name: element for element in elements}


def _header(header: bytes) -> tuple[str, list[str], list[Element]]:
    """(format, comments and lines of obj_info, elements without rows). Text of any encoding."""
    kind, comments, elements = "", [], []
    for line in text_of(header).replace("\r\n", "\n").replace("\r", "\n").split("\n")[1:]:
        words = line.split()
        if not words:
            continue
        key = words[0]
        if key in ("comment", "obj_info"):
            comments.append(line.strip()[len(key) :].strip())
        elif key == "format":
            kind = words[1] if len(words) > 1 else ""
        elif key == "element":
            if len(words) != 3 or not re.fullmatch(r"\d{1,18}", words[2]):
                raise ValueError(f"declares an element whose number is none; {CUT}")
            elements.append(Element(words[1], int(words[2])))
        elif key == "property":
            listed = words[1:2] == ["list"]
            kinds = [_TYPES.get(word, "") for word in words[1 + listed : -1]]
            if not elements or len(kinds) != 1 + listed or "" in kinds or (listed and kinds[0][0] == "f"):
                raise ValueError(f"declares a property {quoted(line.strip()[8:])}; {CUT}")
            elements[-1].properties.append((words[-1], kinds[-1], kinds[0] if listed else ""))
        else:
            raise ValueError(f"has a header with {quoted(line)}; {CUT}")
    if len({element.name for element in elements}) != len(elements):
        raise ValueError(f"declares an element twice; {CUT}")
    if kind not in ("ascii", "binary_little_endian", "binary_big_endian"):
        raise ValueError(f"has the PLY format {kind!r}; export it as ascii or binary_little_endian 1.0")
    return kind, comments, elements


def _from_text(element: Element, lines: list[str]) -> None:
    rows = [line.split() for line in lines]
    names = [name for name, _, _ in element.properties]
    try:
        if not any(length for _, _, length in element.properties):
            table = np.array([row[: len(names)] for row in rows], float).reshape(len(rows), len(names))
            kinds = element.types
            element.columns = {
                name: column.astype(np.int64) if kinds[name][0] in "iu" and _fits(column) else column
                for name, column in zip(names, table.T, strict=True)
            }
            return
        columns: list[list[float]] = [[] for _ in names]
        lengths: list[list[int]] = [[] for _ in names]
        for row in rows:
            at = 0
            for i, (_, kind, listed) in enumerate(element.properties):
                read = int if kind[0] in "iu" else float
                number = int(row[at]) if listed else 1
                at += bool(listed)
                if number < 0 or at + number > len(row):
                    raise IndexError
                columns[i].extend(map(read, row[at : at + number]))
                lengths[i].append(number)
                at += number
    except (ValueError, IndexError, OverflowError):
        bad = _first_bad(element, rows)
        raise ValueError(f"has {element.name} {bad}, {quoted(lines[bad])}, which is not as declared; {CUT}") from None
    for (name, kind, listed), column, length in zip(element.properties, columns, lengths, strict=True):
        try:
            values = np.array(column, np.int64 if kind[0] in "iu" else float)
        except OverflowError:
            raise ValueError(f"has a {name} that is too large a number; {CUT}") from None
        if listed:
            element.lists[name] = values, np.array(length, int)
        else:
            element.columns[name] = values


def _fits(column: np.ndarray) -> bool:
    return bool(np.isfinite(column).all() and (np.abs(column) < 2**53).all() and (column == np.floor(column)).all())


def _first_bad(element: Element, rows: list[list[str]]) -> int:
    for i, row in enumerate(rows):
        try:
            at = 0
            for _, kind, listed in element.properties:
                number = int(row[at]) if listed else 1
                at += bool(listed)
                if number < 0 or at + number > len(row):
                    return i
                [(int if kind[0] in "iu" and listed else float)(word) for word in row[at : at + number]]
                at += number
        except (ValueError, IndexError):
            return i
    return len(rows) - 1


def _from_bytes(element: Element, body: bytes, at: int, order: str) -> int:
    """Read the rows that begin at byte ``at``; returns where the next element begins."""
    fields: list = []
    for name, kind, listed in element.properties:
        if listed:
            start = at + np.dtype(fields).itemsize
            first = body[start : start + np.dtype(listed).itemsize]
            length = int(np.frombuffer(first, order + listed)[0]) if element.count and first else 0
            if not 0 <= length <= len(body):
                raise ValueError(f"declares a list of {length} in {len(body)} bytes; {CUT}")
            fields.append((f"length of {name}", order + listed))
            fields.append((name, order + kind, (length,)))
        else:
            fields.append((name, order + kind))
    if len({f[0] for f in fields}) != len(fields):
        raise ValueError(f"declares a property of {element.name} twice; {CUT}")
    row = np.dtype(fields)
    lists = [name for name, _, listed in element.properties if listed]
    if element.count * row.itemsize <= len(body) - at:
        rows = np.frombuffer(body, row, element.count, at) if row.itemsize else np.zeros(element.count, row)
        if all((rows[f"length of {name}"] == rows.dtype[name].shape[0]).all() for name in lists):
            for name, _, listed in element.properties:
                if listed:
                    element.lists[name] = rows[name].reshape(-1), np.full(element.count, rows.dtype[name].shape[0])
                else:
                    element.columns[name] = rows[name]
            return at + element.count * row.itemsize
    if not lists:
        raise ValueError(f"declares {element.count} of {element.name} in {len(body) - at} bytes; {CUT}")
    return _rows_of_unlike_length(element, body, at, order)


def _rows_of_unlike_length(element: Element, body: bytes, at: int, order: str) -> int:
    parts: list[list[np.ndarray]] = [[] for _ in element.properties]
    kinds = [
        (np.dtype(order + kind), np.dtype(order + listed) if listed else None) for _, kind, listed in element.properties
    ]
    for _ in range(element.count):
        for part, (kind, listed) in zip(parts, kinds, strict=True):
            number = 1
            if listed is not None and at + listed.itemsize <= len(body):
                number = int(np.frombuffer(body, listed, 1, at)[0])
                at += listed.itemsize
            if number < 0 or at + number * kind.itemsize > len(body):
                raise ValueError(f"declares {element.count} of {element.name} in {len(body)} bytes; {CUT}")
            part.append(np.frombuffer(body, kind, number, at))
            at += number * kind.itemsize
    for (name, _, listed), part in zip(element.properties, parts, strict=True):
        values = np.concatenate(part)
        if listed:
            element.lists[name] = values, np.array([len(each) for each in part])
        else:
            element.columns[name] = values
    return at
