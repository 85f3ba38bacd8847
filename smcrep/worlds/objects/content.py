"""What a mesh is made of, as a number: an edited mesh, material file or texture has another."""

import hashlib
import json
import os
import re
import struct
from functools import lru_cache
from pathlib import Path

from smcrep.worlds.objects.beside import Beside
from smcrep.worlds.objects.mesh_checks import text_of

_IMAGES = r"(?:map_\w+|bump|disp|refl|norm)"


def content_hash(path: Path, root: Path | None = None) -> str:
    """16 hexadecimal digits of the SHA-256 of a mesh file and, in their order, of the files that it names (those that
    are missing count as empty). A file is read again only where its size or time has changed."""
    beside = Beside.of(path, root)
    digest = hashlib.sha256(_digest(path))
    for name in _named(path):
        file = _found(name, beside)
        digest.update(_digest(file) if file else b"missing")
        for image in _named(file) if file and file.suffix.lower() == ".mtl" else ():
            found = _found(image, beside)
            digest.update(_digest(found) if found else b"missing")
    return digest.hexdigest()[:16]


def _found(name: str, beside: Beside) -> Path | None:
    words = name.split()
    for spelling in (name, *(" ".join(words[i:]) for i in range(1, len(words)))):  # behind the options of an image
        try:
            return beside.find(spelling, "file")
        except ValueError:
            continue
    return None


def _digest(path: Path) -> bytes:
    return _digest_of(os.path.realpath(path), *_version(path))


def _named(path: Path) -> tuple[str, ...]:
    return _named_in(os.path.realpath(path), path.suffix.lower(), *_version(path))


def _version(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=100_000)
def _digest_of(path: str, time_ns: int, size: int) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@lru_cache(maxsize=100_000)
def _named_in(path: str, suffix: str, time_ns: int, size: int) -> tuple[str, ...]:
    """Names of files as the file spells them."""
    content = Path(path).read_bytes()
    if suffix == ".glb":
        try:
            (length,) = struct.unpack_from("<I", content, 12)
            images = json.loads(content[20 : 20 + length]).get("images", [])
            return tuple(image["uri"] for image in images if not image.get("uri", "data:").startswith("data:"))
        except (ValueError, KeyError, AttributeError, TypeError, struct.error, RecursionError):
            return ()
    words = {".obj": "mtllib", ".mtl": _IMAGES, ".ply": r"comment[ \t]+texturefile"}.get(suffix)
    if words is None:
        return ()
    if suffix == ".ply":
        content = content[: content.find(b"end_header")]
    text = text_of(content).replace("\r", "\n")
    return tuple(found[1].strip() for found in re.finditer(rf"(?im)^[ \t]*{words}[ \t]+([^\n]+)", text))
