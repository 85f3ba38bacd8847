"""Draws experiments/figures/data_flow.png: from a simulated state through encoders, fusion and predictor to the loss.

    python experiments/figures/data_flow.py        # seconds

The observations are simulated; everything else is drawn after smcrep/models/model.py and
smcrep/objectives/sensorimotor.py. Positions are from the lower left corner of `SIZE`.
"""

import tempfile
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from smcrep.data.store import Store
from smcrep.report.style import COLOURS, bare, label, picture
from smcrep.transition import Transition
from smcrep.worlds.generate import Simulation, generate
from smcrep.worlds.objects.source import ProceduralObjects
from smcrep.worlds.policy import Policy

OUT = Path(__file__).parent / "data_flow.png"
SIZE, SCALE = (13.4, 6.6), 0.84
INK, RGB, POINTS, ACTION, QUIET = COLOURS["fused"], COLOURS["rgb"], COLOURS["points"], "#b3631b", "#6f7385"
NUM_OUTCOMES, NUM_INVARIANT, NUM_EQUIVARIANT = 3, 8, 12
CELL, PARTS_GAP = 0.105, 0.1
EQUIVARIANT_AT = NUM_INVARIANT * CELL + PARTS_GAP
STRIP = EQUIVARIANT_AT + NUM_EQUIVARIANT * CELL
"""Width of an embedding as it is drawn."""
EMBEDDINGS, PREDICTED = 5.6, 10.75
BEFORE, AFTER = 3.95, 0.95
"""Height of the fused embedding before and after."""
LOSS = (8.68, 3.5)
"""Left and upper end of the loss."""


def main() -> None:
    transition = simulated()
    with picture(OUT, size=(SCALE * SIZE[0], SCALE * SIZE[1])) as (_, axes):
        canvas: Axes = axes[0]
        canvas.set_position((0, 0, 1, 1))
        bare(canvas)
        canvas.set(xlim=(0, SIZE[0]), ylim=(0, SIZE[1]))
        observations(canvas, transition)
        encoders(canvas)
        embeddings(canvas)
        prediction(canvas)
        loss_terms(canvas)
    print(OUT)


def simulated() -> Transition:
    """One state of a mug, and the outcomes of a few actions."""
    simulation = Simulation(
        ProceduralObjects(1, 0, ("mug",)), environments=("studio",), policy=Policy(num_branches=NUM_OUTCOMES),
        states_per_object=2, image_size=96, num_points=512,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        return Store(generate(simulation, folder, progress=False)).transitions(np.array([1]))


def observations(canvas: Axes, transition: Transition) -> None:
    box(canvas, 0.25, 5.85, 2.75, 0.5, "simulated world", ACTION)
    arrow(canvas, (2.3, 5.82), (2.3, 5.3), ACTION)
    heading(canvas, 0.25, 5.3, "observation before")
    image(canvas, transition.before["rgb"][0].numpy(), 0.25, 3.95, 1.25)
    cloud(canvas, transition.before["points"][0].numpy(), 1.65, 3.95, 1.25)
    arrow(canvas, (0.4, 3.85), (0.4, 2.85), ACTION)
    canvas.text(0.58, 3.18, "k actions from this state: turn,\npush, lift and drop, look", fontsize=8, color=ACTION)
    heading(canvas, 0.25, 2.55, "k observations after")
    for i in range(NUM_OUTCOMES):
        image(canvas, transition.after["rgb"][0, i].numpy(), 0.25 + 0.93 * i, 1.55, 0.85)
        cloud(canvas, transition.after["points"][0, i].numpy(), 0.25 + 0.93 * i, 0.6, 0.85)


def encoders(canvas: Axes) -> None:
    heading(canvas, 3.55, 4.05, "encoders")
    canvas.text(3.55, 2.42, "shared by all\nobservations", fontsize=7.5, color=QUIET, va="center")
    box(canvas, 3.55, 3.4, 1.5, 0.5, "image encoder", RGB)
    box(canvas, 3.55, 2.7, 1.5, 0.5, "point encoder", POINTS)
    arrow(canvas, (3.0, 4.5), (3.5, 3.95), INK)
    arrow(canvas, (3.0, 1.7), (3.5, 2.65), INK)
    arrow(canvas, (5.1, 3.75), (EMBEDDINGS - 0.1, 4.5), INK)
    arrow(canvas, (5.1, 2.85), (EMBEDDINGS - 0.1, 2.05), INK)


def embeddings(canvas: Axes) -> None:
    for x, words in ((EMBEDDINGS, "invariant"), (EMBEDDINGS + EQUIVARIANT_AT, "equivariant part")):
        canvas.text(x, BEFORE + 1.52, words, fontsize=8.5, color=INK)
    for fused, words in ((BEFORE, "before"), (AFTER, "after, each of k")):
        for y, colour, name in ((fused + 1.1, RGB, label("rgb")), (fused + 0.6, POINTS, label("points"))):
            strip(canvas, EMBEDDINGS, y, colour)
            precision(canvas, EMBEDDINGS, y - 0.11)
            canvas.text(EMBEDDINGS + STRIP + 0.08, y + 0.08, name, fontsize=7.5, color=colour)
        strip(canvas, EMBEDDINGS, fused, INK)
        canvas.text(EMBEDDINGS + STRIP + 0.08, fused + 0.08, "fused", fontsize=7.5, color=INK)
        arrow(canvas, (EMBEDDINGS + 0.42, fused + 0.46), (EMBEDDINGS + 0.42, fused + 0.29), INK)
        canvas.text(EMBEDDINGS + 0.55, fused + 0.31, "fusion, weighted by precision", fontsize=7.5, color=INK)
        canvas.text(EMBEDDINGS + STRIP, fused - 0.2, words, fontsize=8, color=QUIET, ha="right")
    canvas.text(EMBEDDINGS - 0.08, BEFORE + 0.98, "precision", fontsize=7, color=QUIET, ha="right")


def prediction(canvas: Axes) -> None:
    box(canvas, EMBEDDINGS, 5.85, STRIP, 0.5, "action encoder", ACTION)
    arrow(canvas, (3.05, 6.1), (EMBEDDINGS - 0.05, 6.1), ACTION)
    canvas.text(3.15, 6.17, "action (camera frame), physics", fontsize=8, color=ACTION)
    box(canvas, 8.75, 4.1, 1.55, 1.1, "predictor\nper source\nρ(R) z + residual", INK)
    arrow(canvas, (EMBEDDINGS + STRIP + 0.05, 6.1), (9.5, 5.25), ACTION, "angle,angleA=0,angleB=90")
    canvas.text(8.2, 6.17, "conditioned on", fontsize=8, color=ACTION)
    arrow(canvas, (8.2, 4.35), (8.7, 4.35), INK)
    arrow(canvas, (10.35, 4.65), (PREDICTED - 0.05, 4.65), INK)
    heading(canvas, PREDICTED, 5.48, "predicted equivariant part")
    for y, colour, name in (
        (BEFORE + 1.1, RGB, label("rgb")),
        (BEFORE + 0.6, POINTS, label("points")),
        (BEFORE, INK, "fused"),
    ):
        cells(canvas, PREDICTED, y, NUM_EQUIVARIANT, colour, outlined=True)
        x = PREDICTED + NUM_EQUIVARIANT * CELL + 0.08
        canvas.text(x, y + 0.08, f"from {name}", fontsize=7.5, color=colour)


def loss_terms(canvas: Axes) -> None:
    groups = {
        (8.83, 1.75): ("equivariant", "predicted and observed\noutcome, in each sense"),
        (11.1, 1.75): ("cross-modal", "predicted from one sense,\nobserved by another"),
        (8.83, 0.5): ("invariant", "observations of one state\nagree, in each sense"),
        (11.1, 0.5): ("fused", "invariant and equivariant,\non the fused embedding"),
    }
    frame(canvas, LOSS[0], 0.15, 4.68, LOSS[1] - 0.15, "#f4f4f8", "none")
    heading(canvas, 8.83, 3.12, "loss: weighted sum of four groups")
    canvas.text(8.83, 2.85, "negatives: other outcomes of the same state, other states", fontsize=7.5, color=QUIET)
    for (x, y), (name, words) in groups.items():
        frame(canvas, x, y, 2.15, 0.92, "white", INK)
        canvas.text(x + 0.1, y + 0.67, name, fontsize=9, weight="bold", color=INK)
        canvas.text(x + 0.1, y + 0.13, words, fontsize=8, color=INK, linespacing=1.25)
    arrow(canvas, (11.4, 3.85), (11.4, LOSS[1] + 0.03), INK)
    arrow(canvas, (8.15, AFTER + 0.4), (LOSS[0] - 0.05, AFTER + 0.4), INK)
    x = EMBEDDINGS + 0.42
    canvas.plot((x, x), (AFTER - 0.06, 0.4), color=INK, lw=1.4)
    arrow(canvas, (x, 0.4), (LOSS[0] - 0.05, 0.4), INK)
    canvas.text(x + 0.1, 0.18, "all invariant parts, projected", fontsize=7.5, color=INK)


def heading(canvas: Axes, x: float, y: float, words: str) -> None:
    canvas.text(x, y, words, fontsize=9, weight="bold", color=INK)


def frame(canvas: Axes, x: float, y: float, w: float, h: float, face: str, edge: str) -> None:
    canvas.add_patch(FancyBboxPatch((x, y), w, h, boxstyle="round,pad=0.02,rounding_size=0.08", fc=face, ec=edge))


def box(canvas: Axes, x: float, y: float, w: float, h: float, words: str, colour: str) -> None:
    frame(canvas, x, y, w, h, colour, "none")
    canvas.text(x + w / 2, y + h / 2, words, ha="center", va="center", color="white", fontsize=8.5, linespacing=1.3)


def arrow(canvas: Axes, start: tuple[float, float], end: tuple[float, float], colour: str, path: str = "arc3") -> None:
    canvas.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=10, color=colour, lw=1.4, connectionstyle=path, shrinkA=0,
            shrinkB=0,
        )
    )  # fmt: skip


def strip(canvas: Axes, x: float, y: float, colour: str) -> None:
    """An embedding: the invariant part, a gap, the equivariant part."""
    cells(canvas, x, y, NUM_INVARIANT, colour)
    cells(canvas, x + EQUIVARIANT_AT, y, NUM_EQUIVARIANT, colour)


def cells(canvas: Axes, x: float, y: float, number: int, colour: str, *, outlined: bool = False) -> None:
    for i in range(number):
        look = {"fc": "white", "ec": colour, "lw": 1.0} if outlined else {"fc": colour, "lw": 0}
        canvas.add_patch(Rectangle((x + CELL * i, y), CELL - 0.02, 0.26, alpha=shade(i), **look))


def shade(i: int) -> float:
    return 0.55 + 0.15 * ((i * 5) % 4)


def precision(canvas: Axes, x: float, y: float) -> None:
    """A thin line of greys below an embedding: one precision a number."""
    rng = np.random.default_rng(0)
    starts = [CELL * i for i in range(NUM_INVARIANT)] + [EQUIVARIANT_AT + CELL * i for i in range(NUM_EQUIVARIANT)]
    for start, grey in zip(starts, rng.uniform(0.35, 0.85, len(starts)), strict=True):
        canvas.add_patch(Rectangle((x + start, y), CELL - 0.02, 0.06, color=str(grey), lw=0))


def inset(canvas: Axes, x: float, y: float, side: float) -> Axes:
    found = canvas.inset_axes((x, y, side, side), transform=canvas.transData)
    bare(found)
    return found


def image(canvas: Axes, pixels: np.ndarray, x: float, y: float, side: float) -> None:
    inset(canvas, x, y, side).imshow(pixels)


def cloud(canvas: Axes, points: np.ndarray, x: float, y: float, side: float) -> None:
    axis = inset(canvas, x, y, side)
    axis.scatter(points[:, 0], -points[:, 1], c=points[:, 2], cmap="viridis_r", s=1.2 * side)
    axis.set_aspect("equal")


if __name__ == "__main__":
    main()
