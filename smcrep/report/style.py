"""One look for every picture of the project: colours by meaning, quiet axes, no chart junk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # pictures are made where no display is
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = {
    "fused": "#1b1f3b",
    "ours": "#1b1f3b",
    "rgb": "#d1495b",
    "points": "#00798c",
    "no_action": "#8d99ae",
    "untrained": "#c9a66b",
    "chance": "#b8b8b8",
    "simclr": "#a05195",
    "oracle": "#66a182",
}
"""A sense, an variant or a control has the same colour in every picture."""

NAMES = {"simclr": "SimCLR", "rgb": "RGB"}
"""Written otherwise than in a record."""

_RC: Any = {  # matplotlib types its keys as literals
    "figure.dpi": 130,
    "savefig.bbox": "tight",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#eeeeee",
    "legend.frameon": False,
    "legend.fontsize": 8,
}


@contextmanager
def picture(
    path: Path, rows: int = 1, columns: int = 1, size: tuple[float, float] = (4.0, 3.0)
) -> Iterator[tuple[Figure, list]]:
    """A figure of rows x columns axes (each ``size`` inches), saved to ``path`` at the end and closed either way."""
    with plt.rc_context(_RC):
        figure, axes = plt.subplots(rows, columns, figsize=(size[0] * columns, size[1] * rows), squeeze=False)
        try:
            yield figure, list(axes.flat)
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path)
        finally:
            plt.close(figure)


def bare(axis: Axes) -> None:
    """An axis that only carries a picture."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set_visible(False)
