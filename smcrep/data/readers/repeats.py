"""Items of a data set that are copies of one another, byte by byte: within a split, and from one split to the other.

Copies that were encoded or sampled anew differ in bytes; of clouds, `smcrep.data.duplicates` finds those too.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np


def copy_groups(items: Iterable[bytes]) -> np.ndarray:
    """int64 [n]: items of the same bytes share a number."""
    number: dict[bytes, int] = {}
    return np.array([number.setdefault(hashlib.sha256(item).digest(), len(number)) for item in items], np.int64)


def leaked(groups: np.ndarray, is_test: np.ndarray) -> np.ndarray:
    """int64: rows of the training side that are copies of a test item; leave them out of training."""
    return np.flatnonzero(~is_test & np.isin(groups, groups[is_test]))


def repeats_report(where: str, names: Sequence[str], groups: np.ndarray, is_test: np.ndarray) -> tuple[str, ...]:
    """A line on copies within a side and one on leaks from test to training, each with its first example; none where
    there are none."""
    lines = []
    for side, rows in (("training", np.flatnonzero(~is_test)), ("test", np.flatnonzero(is_test))):
        first = {int(groups[row]): int(row) for row in rows[::-1]}
        copies = [int(row) for row in rows if first[int(groups[row])] != row]
        if copies:
            of = names[first[int(groups[copies[0]])]]
            lines.append(f"{where}: {len(copies)} of {len(rows)} {side} items are copies: {names[copies[0]]} of {of}")
    if len(leaks := leaked(groups, is_test)):
        of = names[int(np.flatnonzero(is_test & (groups == groups[leaks[0]]))[0])]
        lines.append(
            f"{where}: {len(leaks)} training items are copies of test items: {names[leaks[0]]} of {of}; leave them out"
        )
    return tuple(lines)
