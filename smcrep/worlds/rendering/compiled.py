"""Compiles loops over pixels and faces (numba), so that they give the same bytes wherever the processor is of one kind.

No fast mathematics: additions stay in the order in which they are written. What is compiled is kept on disk, beside the
source where that can be written, else in the user's cache folder (numba knows both, and tells processors apart); where
neither can be written, each process compiles for itself. A kept kernel is made again when its own file changes, so a
kernel calls only what stands in the same file.
"""

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # no folder that can be written
        return numba.njit(nogil=True, error_model="numpy")(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """For what a compiled function calls at every pixel: a call would count the references to each array."""
    return numba.njit(inline="always", error_model="numpy")(function)
