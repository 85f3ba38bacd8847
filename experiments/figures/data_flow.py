"""Draws experiments/figures/data_flow.png: how one action flows from the world to the loss, with real observations.

python experiments/figures/data_flow.py        # seconds
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from smcrep.data.store import Store
from smcrep.report.style import COLOURS, bare, picture
from smcrep.worlds.generate import Simulation, generate
from smcrep.worlds.objects.source import ProceduralObjects
from smcrep.worlds.policy import Policy

OUT = Path(__file__).parent / "data_flow.png"
INK, RGB, POINTS, WARM = COLOURS["fused"], COLOURS["rgb"], COLOURS["points"], COLOURS["untrained"]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        objects = ProceduralObjects(1, 0, ("mug",))
        simulation = Simulation(
            objects,
            environments=("studio",),
            policy=Policy(num_branches=3),
            states_per_object=2,
            image_size=96,
            num_points=512,
        )
        transition = Store(generate(simulation, folder, progress=False)).transitions(np.array([1]))
    before, after = transition.before, transition.after
    with picture(OUT, size=(11.5, 4.7)) as (figure, axes):
        canvas = axes[0]
        bare(canvas)
        canvas.set(xlim=(0, 11.5), ylim=(0, 4.7))
        heading(canvas, 0.2, "world", "MuJoCo · Open3D")
        heading(canvas, 3.35, "encoders", "any timm · PointNet · DGCNN")
        heading(canvas, 5.75, "beliefs", "mean, precision; fused by product")
        heading(canvas, 8.9, "objective and questions", "")
        show(figure, before["rgb"][0].numpy(), 0.2, 2.75, 1.15)
        cloud(figure, before["points"][0].numpy(), 1.45, 2.75, 1.15)
        canvas.text(0.2, 2.55, "before", fontsize=8, color=INK)
        for i in range(3):
            show(figure, after["rgb"][0, i].numpy(), 0.2 + 0.82 * i, 0.75, 0.75)
        canvas.text(0.2, 0.52, "outcomes of k actions from one and the same state", fontsize=8, color=INK)
        arrow(canvas, (1.25, 2.5), (1.25, 1.58), "turn · push · lift and drop · look", WARM)
        box(canvas, 3.35, 3.35, 1.7, 0.5, "RGB encoder", RGB)
        box(canvas, 3.35, 2.6, 1.7, 0.5, "point-cloud encoder", POINTS)
        arrow(canvas, (2.65, 3.35), (3.3, 3.55), "", RGB)
        arrow(canvas, (2.65, 3.15), (3.3, 2.9), "", POINTS)
        latent(canvas, 5.75, 3.42, RGB)
        latent(canvas, 5.75, 2.67, POINTS)
        arrow(canvas, (5.1, 3.6), (5.7, 3.6), "", RGB)
        arrow(canvas, (5.1, 2.85), (5.7, 2.85), "", POINTS)
        canvas.text(6.18, 3.9, "what it is", fontsize=8, ha="center", color=INK)
        canvas.text(6.74, 3.9, "how it stands", fontsize=8, ha="left", color=INK)
        box(canvas, 5.75, 1.55, 2.45, 0.55, "predictor: R(action) · z + residual", INK)
        arrow(canvas, (7.3, 2.6), (7.3, 2.15), "", INK)
        arrow(canvas, (2.75, 1.83), (5.7, 1.83), "action and physics, camera frame, SI", WARM)
        latent(canvas, 5.75, 0.75, INK)
        arrow(canvas, (2.75, 1.1), (5.7, 0.93), "encoded", INK)
        canvas.text(8.35, 0.85, "the true outcome", fontsize=8, color=INK)
        arrow(canvas, (6.95, 1.5), (6.95, 1.15), "contrast", INK)
        lines = [
            "NT-Xent on *what*, within and across senses",
            "contrast of the predicted with the true outcome;",
            "   negatives: other outcomes of the same state",
            "each sense predicts the other's outcome",
            "",
            "frozen, about objects never seen:",
            "few-shot recognition · pose · k-NN",
            "the outcome of an action among 16",
            "collapse audit: is the action used?",
        ]
        for i, line in enumerate(lines):
            canvas.text(8.9, 3.75 - 0.27 * i, line.replace("*", ""), fontsize=8, color=INK)
    print(OUT)


def heading(axis: Axes, x: float, words: str, below: str) -> None:
    axis.text(x, 4.42, words, fontsize=11, weight="bold", color=INK)
    axis.text(x, 4.2, below, fontsize=7.5, color="#777777")


def box(axis: Axes, x: float, y: float, w: float, h: float, words: str, colour: str) -> None:
    axis.add_patch(FancyBboxPatch((x, y), w, h, boxstyle="round,pad=0.02,rounding_size=0.08", fc=colour, ec="none"))
    axis.text(x + w / 2, y + h / 2, words, ha="center", va="center", color="white", fontsize=8)


def arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float], words: str, colour: str) -> None:
    axis.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=10, color=colour, lw=1.4))
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    beside = {"x": middle[0] + 0.08, "ha": "left"} if start[0] == end[0] else {"x": middle[0], "ha": "center"}
    axis.text(**beside, y=middle[1] + 0.09, s=words, fontsize=7.5, color=colour)


def latent(axis: Axes, x: float, y: float, colour: str) -> None:
    for i in range(24):
        alpha = 0.95 if i < 9 else 0.3 + 0.25 * (i % 3)
        axis.add_patch(
            plt.Rectangle((x + 0.1 * i + (0.06 if i >= 9 else 0), y), 0.085, 0.36, color=colour, alpha=alpha, lw=0)
        )


def show(figure: Figure, image: np.ndarray, x: float, y: float, side: float) -> None:
    inset = figure.axes[0].inset_axes((x, y, side, side), transform=figure.axes[0].transData)
    bare(inset)
    inset.imshow(image)


def cloud(figure: Figure, points: np.ndarray, x: float, y: float, side: float) -> None:
    inset = figure.axes[0].inset_axes((x, y, side, side), transform=figure.axes[0].transData)
    bare(inset)
    inset.scatter(points[:, 0], -points[:, 1], c=points[:, 2], cmap="viridis_r", s=1.2)
    inset.set_aspect("equal")


if __name__ == "__main__":
    main()
