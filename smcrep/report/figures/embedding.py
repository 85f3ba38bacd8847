"""Where observations lie in the two parts of an embedding."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

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
        axes[0].scatter(*invariant.T, c=index, cmap="tab20", s=7, lw=0)
        axes[0].set_title("Invariant part, coloured by object")
        for i, name in enumerate(names):
            if len(names) <= 20:
                place = np.median(invariant[index == i], 0)
                axes[0].annotate(name, place, fontsize=6, ha="center", color="#222222")
        wheel = axes[1].scatter(*equivariant.T, c=angle_deg, cmap="twilight", s=7, lw=0, vmin=-180, vmax=180)
        axes[1].set_title("Equivariant part, coloured by heading")
        figure.colorbar(wheel, ax=axes[1], shrink=0.6, label="heading, degrees", ticks=[-180, -90, 0, 90, 180])
