"""Where observations lie in the two parts of an embedding."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps

from smcrep.report.style import bare, picture


def embedding_map(
    invariant: np.ndarray, equivariant: np.ndarray, objects: Sequence[str], angle_deg: np.ndarray, path: Path
) -> None:
    """Planar maps of the two parts of an embedding. invariant, equivariant [n, 2]; objects [n] names; angle_deg [n] of
    the pose."""
    names = sorted(set(objects))
    index = np.array([names.index(o) for o in objects])
    with picture(path, columns=2, size=(4.6, 4.2)) as (figure, axes):
        for axis in axes:
            bare(axis)
        palette = colormaps["tab20"]
        for i, name in enumerate(names):
            axes[0].scatter(*invariant[index == i].T, color=palette(i % palette.N), s=7, lw=0, label=name)
        axes[0].set_title("Invariant part, coloured by object")
        if len(names) <= palette.N:
            axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncol=4, fontsize=6.5, markerscale=2)
        wheel = axes[1].scatter(*equivariant.T, c=angle_deg, cmap="twilight", s=7, lw=0, vmin=-180, vmax=180)
        axes[1].set_title("Equivariant part, coloured by heading")
        turns = [-180, -90, 0, 90, 180]
        bar = figure.colorbar(wheel, ax=axes[1], shrink=0.6, label="heading")
        bar.set_ticks(turns, labels=[f"{turn}°" for turn in turns])
