"""Numbers, texts and arrays out of a pickle, without running anything of it: the python batches of CIFAR are pickles.

Every name in the file is answered by what this module has for it, which only keeps what it is given. No name is
imported, so whatever the file wants to call is never called.
"""

import io
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

MAX_BYTES = 512 << 20
"""Of a file. The largest batch of CIFAR has 150 MB."""
ARRAY_NAMES = ("_reconstruct", "dtype", "ndarray")


class Named:
    """What an array or dtype of numpy was made from."""

    def __init__(self, *given: Any) -> None:
        self.given = given
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: Any) -> None:
        self.state = tuple(state)


class _Reader(pickle._Unpickler):  # type: ignore[name-defined]  # the one in Python: its memory is that of the file
    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        if module.split(".")[0] == "numpy" and name in ARRAY_NAMES:
            return Named
        if (module, name) in (("_codecs", "encode"), ("__builtin__", "bytes")):
            return _old_bytes
        raise ValueError(f"it names {module}.{name}, which is not numbers; nothing of it is run")


def _old_bytes(text: str = "", coding: str = "latin1") -> bytes:
    """How Python 3 writes bytes for protocols before 3."""
    return text.encode("latin1")


def read_plain(content: bytes) -> dict[str, Any]:
    """The dictionary in a pickle, keys as text; arrays as numpy arrays. ValueError where there is anything else, with
    the reason alone: the caller names the file."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"{len(content)} bytes, limit {MAX_BYTES}")
    try:
        found = _Reader(io.BytesIO(content), encoding="bytes").load()
        if not isinstance(found, dict):
            raise ValueError(f"a {type(found).__name__}, not a dictionary")
        return {_text(key): _array(value) if isinstance(value, Named) else value for key, value in found.items()}
    except Exception as error:  # damaged bytes raise many kinds
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from None


def _text(key: Any) -> str:
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)


def _array(value: Named) -> np.ndarray:
    """numpy's own state of an array: (version, shape, dtype, whether by columns, bytes)."""
    _, shape, dtype, by_columns, content = value.state
    kind = np.dtype(_text(dtype.given[0]))
    shape = tuple(map(int, shape))
    if kind.hasobject or not isinstance(content, bytes) or math.prod(shape) * kind.itemsize != len(content):
        raise ValueError(f"an array of {kind} {list(shape)} that holds something else")
    return np.frombuffer(content, kind).reshape(shape, order="F" if by_columns else "C")
