"""JSON files whose last field is the checksum of their own text: one flipped byte is found, without a second file."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SEAL = "sha256"
_END = re.compile(rb'"sha256": "([0-9a-f]{64})"\n}\n\Z')
_LENGTH = 79
"""Bytes of the field and what follows it."""


def sealed(value: Mapping[str, Any]) -> bytes:
    """``value`` as JSON; the field ``sha256`` that is added at its end is that of the text with it left empty."""
    text = json.dumps({**value, SEAL: ""}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    head, _, tail = text.rpartition('""')
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f'{head}"{digest}"{tail}'.encode()


def broken_seal(path: Path) -> str | None:
    """What is wrong with a sealed file, in words; None where every byte is the one that was written, and where the file
    has no seal because it was written before there were any."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    found = _END.search(content)
    if found is None:
        has_none = not re.search(rb"[0-9a-f]{16}", content[-_LENGTH:])
        return None if has_none else "is corrupt (its own checksum is damaged)"
    empty = content[: found.start(1)] + content[found.end(1) :]
    return None if hashlib.sha256(empty).hexdigest().encode() == found[1] else "is corrupt (sha256 differs)"
