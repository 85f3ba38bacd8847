"""What does each corruption do to an observation?

    python experiments/corruptions.py --out docs/data               # a page for each sense; half a minute on one core
    python experiments/corruptions.py --out runs/tiny --tiny        # seconds; fewer kinds, smaller pictures

Draws every kind of `smcrep.corruptions.CORRUPTIONS` at severities .33, .67 and 1, beside the clean observation, on a
procedural object. Kinds that no training sees are marked. Expected: what each kind's ``effect`` says.
"""

import argparse
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from smcrep import script
from smcrep.corruptions import CORRUPTIONS, Corruption
from smcrep.geometry.rotations import axis_rotation
from smcrep.report.style import bare, picture
from smcrep.senses import DEPTH, POINTS, RGB, SENSES
from smcrep.worlds.episodes import shard_rows
from smcrep.worlds.objects.source import ProceduralObjects
from smcrep.worlds.simulation import Simulation

SEVERITIES = (0.0, 0.33, 0.67, 1.0)
CAPTIONS = ("clean", ".33", ".67", "1")
SEED, OBJECT_SEED, NUM_POINTS = 10, 1, 512
SIDE_VIEW_DEGREES = 55.0
"""Clouds are seen from beside the camera: from the camera, nothing that happens to depth would be seen."""
REACH = 1.5
"""Half the side of a cloud's picture, in radii of the clean cloud."""
GREY, NEAR, FAR = "#cccccc", "#fde725", "#440154"
NOTHING = RGB.colour
ROW = 1.22
"""Height of a row of pictures and its words, inches."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the pages")
    parser.add_argument("--tiny", action="store_true", help="two kinds a sense, to see that everything runs")
    arguments = parser.parse_args()
    clean = observation(size=32 if arguments.tiny else 64)
    for name, data in clean.items():
        kinds = CORRUPTIONS.of(name)[: 2 if arguments.tiny else None]
        path = arguments.out / f"corruptions_{name}.png"
        page(name, kinds, data, path)
        print(path)


def observation(size: int) -> dict[str, torch.Tensor]:
    """Sense -> [1, *item]: what each sense reads of a procedural object."""
    simulation = Simulation(
        ProceduralObjects(1, OBJECT_SEED, families=("mug",)), states_per_object=1, image_size=size,
        num_points=NUM_POINTS, senses=tuple(SENSES), seed=SEED,
    )  # fmt: skip
    rows, _ = shard_rows(simulation, 0)
    return {name: torch.from_numpy(rows[name][:1]) for name in SENSES}


def page(name: str, kinds: tuple[Corruption, ...], data: torch.Tensor, path: Path) -> None:
    """Two kinds in a row: clean and at the three severities."""
    show = painter(name, data)
    rows, beside = -(-len(kinds) // 2), len(SEVERITIES)
    widths = [1.0] * beside + [0.25] + [1.0] * beside
    with picture(path, rows, len(widths), size=(0.75, ROW), widths=widths) as (figure, axes):
        figure.subplots_adjust(wspace=0.05, hspace=0.5, bottom=0.5 / (ROW * rows), top=1 - 0.4 / (ROW * rows))
        grid = np.array(axes).reshape(rows, -1)
        for axis in axes:
            axis.axis("off")
        for i, kind in enumerate(kinds):
            row, first = divmod(i, 2)
            own = grid[row, first * (beside + 1) :][:beside]
            for axis, severity, caption in zip(own, SEVERITIES, CAPTIONS, strict=True):
                axis.axis("on")
                bare(axis)
                show(axis, kind(data, torch.tensor([severity]), torch.Generator().manual_seed(SEED))[0])
                axis.set_xlabel(caption, fontsize=7, labelpad=2)
            held_out = "" if kind.in_training else "   (held out)"
            own[0].text(0, 1.27, f"{kind.name.replace('_', ' ')}{held_out}", transform=own[0].transAxes, weight="bold")
            own[0].text(0, 1.06, f"at 1: {kind.effect}", transform=own[0].transAxes, fontsize=7, color="#555555")
        legend(figure, name)
    Image.open(path).convert("RGB").save(path, optimize=True)  # a fifth smaller


def painter(name: str, clean: torch.Tensor) -> Callable[[Axes, torch.Tensor], None]:
    """What draws an observation [*item] of a sense; scales are those of the clean one [1, *item]."""
    if name == POINTS.name:
        return partial(cloud, clean=clean[0])
    if name == DEPTH.name:
        read = clean[clean > 0]
        return partial(depth_image, low=read.min().item() - 0.1, high=read.max().item() + 0.1)
    return image if name == RGB.name else partial(image, cmap="gray", vmin=0, vmax=1)


def image(axis: Axes, data: torch.Tensor, **scale: Any) -> None:
    axis.imshow(data.numpy(), interpolation="nearest", **scale)


def depth_image(axis: Axes, data: torch.Tensor, low: float, high: float) -> None:
    colours = matplotlib.colormaps["viridis_r"].with_extremes(bad=NOTHING)
    shown = np.ma.masked_equal(data.numpy(), 0)
    axis.imshow(shown, cmap=colours, vmin=low, vmax=high, interpolation="nearest")


def cloud(axis: Axes, data: torch.Tensor, clean: torch.Tensor) -> None:
    """Seen from beside the camera, about its own mean, before the clean cloud where that is."""
    mean, radius = data.mean(0), (clean - clean.mean(0)).norm(dim=1).max().item()
    turn = torch.from_numpy(axis_rotation("y", math.radians(SIDE_VIEW_DEGREES))).float()
    for points, colour, size in ((clean, GREY, 0.6), (data, POINTS.colour, 1.0)):
        x, y, _ = ((points - mean) @ turn.mT).T.numpy()
        axis.scatter(x, y, s=size, color=colour, linewidths=0)
    axis.set(xlim=(-REACH * radius, REACH * radius), ylim=(REACH * radius, -REACH * radius), aspect="equal")
    axis.set_facecolor("#f7f7f7")


def legend(figure: Figure, name: str) -> None:
    marks = {
        DEPTH.name: [("near", NEAR), ("far", FAR), ("nothing read", NOTHING)],
        POINTS.name: [("seen from beside the camera, about its own mean", POINTS.colour), ("the clean cloud", GREY)],
    }.get(name, [])
    handles = [Line2D([], [], marker="o", ls="", ms=5, color=colour, label=label) for label, colour in marks]
    if handles:
        figure.legend(
            handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.3 / figure.get_figheight()), ncol=len(handles)
        )


if __name__ == "__main__":
    script.run("corruptions", main)
