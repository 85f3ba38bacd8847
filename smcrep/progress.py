"""Progress on standard error, by tqdm: on a terminal a bar that is rewritten, elsewhere a line every few seconds."""

import sys
from typing import Any, TextIO

from tqdm import tqdm


def progress(total: int, description: str, *, unit: str, done: int = 0, shown: bool = True, to: Any = None) -> tqdm:
    """A bar of ``total`` units of which ``done`` were done before; call ``update(n)``, and ``close()`` or use ``with``.
    It shows rate and the time that is left."""
    to = sys.stderr if to is None else to
    terminal = to.isatty()
    return tqdm(
        total=total,
        initial=done,
        desc=description,
        unit=f" {unit}",
        disable=not shown,
        mininterval=0.2 if terminal else 5,
        file=to if terminal else _Lines(to),
        dynamic_ncols=terminal,
        ascii=not terminal,
        bar_format=None if terminal else "{desc}: {n_fmt}/{total_fmt}{unit}, {rate_fmt}, {remaining} left{postfix}",
    )


class _Lines:
    """A text file in which each state of a bar is a line of its own, the last one too."""

    def __init__(self, to: TextIO) -> None:
        self.to, self.last = to, ""

    def write(self, text: str) -> None:
        line = text.strip("\r\n ")
        if line and _counted(line) != _counted(self.last):  # closing shows the last state once more, a little later
            self.to.write(f"{line}\n")
            self.last = line

    def flush(self) -> None:
        self.to.flush()


def _counted(line: str) -> str:
    """The line up to its rate, which changes with the clock."""
    return line.partition(",")[0]
