"""Bounds of mesh files, and the lines of those that are text however they are encoded and ended."""

import codecs
import re
from pathlib import Path

MAX_BYTES = 1 << 30
MAX_LINES = 10_000_000
"""Of a text file. A mesh of 2 million faces with normals and texture coordinates has 5 million."""
MAX_TEXELS = 8192 * 8192
CUT = "it is cut short or corrupt"

_MARKS = [
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]


def content_of(path: Path, limit: int | None = None) -> bytes:
    """The bytes of a file of a size that a mesh may have."""
    size, limit = path.stat().st_size, MAX_BYTES if limit is None else limit
    if size > limit:
        raise ValueError(f"has {size} bytes (limit {limit}); simplify it first")
    return path.read_bytes()


def text_of(content: bytes) -> str:
    """Text of any encoding with a mark, else UTF-8, else Latin-1 (which reads any bytes)."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def lines_of(content: bytes) -> list[str]:
    """The lines of a text file, ended by LF, CR or both."""
    text = text_of(content).replace("\r\n", "\n").replace("\r", "\n")
    lines = text.count("\n")
    if lines > MAX_LINES:
        raise ValueError(f"has {lines} lines (limit {MAX_LINES}); simplify it first")
    return text.split("\n")


def quoted(line: str) -> str:
    """A line of a file as it is shown in a message."""
    words = re.sub(r"\s+", " ", line).strip()
    return repr(words if len(words) <= 60 else f"{words[:57]}...")


def is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # an impossible name: too long, or with a zero byte
        return False
