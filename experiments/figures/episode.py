"""Draws one episode of turning to match: what is seen, and how much each sense counts while one and the other fail.

    python experiments/figures/episode.py --run runs/demo/fused     # half a minute; a run after experiments/fuse.py

The predictor plans every turn (experiments/tabletop.py, `ours_planned`), with no demonstrations. The picture goes dark
for some steps, then the cloud jitters. Writes episode.png, and the same steps as a film, episode.gif.
"""

import argparse
from pathlib import Path

import numpy as np
import roma
import torch
from numpy.typing import NDArray
from PIL import Image

from smcrep import script
from smcrep.corruptions import CORRUPTIONS
from smcrep.evaluation.pose_search import turn_between
from smcrep.evaluation.turn_to_match import TurnToMatch
from smcrep.geometry.rotations import rotation_grid
from smcrep.hub import load_model
from smcrep.report.style import COLOURS, bare, label, picture
from smcrep.senses import POINTS, RGB
from smcrep.worlds.objects.source import ProceduralObjects, object_set

STEPS = 9
FAULTS = {2: (RGB.name, "darkness"), 3: (RGB.name, "darkness"), 5: (POINTS.name, "jitter"), 6: (POINTS.name, "jitter")}
"""Step -> the sense that fails, and how."""
SIDE, MS = 192, 700
"""Pixels of a side of the film; milliseconds of a step."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="a trained model with its fusion head")
    parser.add_argument("--figures", type=Path, default=Path(__file__).parent, help="folder of both pictures")
    parser.add_argument("--family", default="mug", help="of the procedural object that is turned")
    parser.add_argument("--seed", type=script.at_least(0), default=0, help="of the episode")
    given = parser.parse_args()
    frames = episode(given.run, given.family, given.seed)
    draw(frames, given.figures / "episode.png")
    film(frames, given.figures / "episode.gif")


def episode(run: Path, family: str, seed: int) -> list[dict[str, NDArray]]:
    """Of each step, and at last of the goal: rgb [h, w, 3], points [p, 3], weight [m], left [] in degrees."""
    model, generator = load_model(run)[0], torch.Generator().manual_seed(seed)
    objects = list(object_set(ProceduralObjects(1, 6_000 + seed, (family,))))
    task = TurnToMatch(objects, ["studio"], 1, seed, max_deg=20.0)
    grid, seen_goal = torch.from_numpy(rotation_grid(1024)).float(), task.see_goals()
    goal, frames = model.embed(seen_goal).fused, []
    for step in range(STEPS):
        seen = task.see()
        if step in FAULTS:
            sense, kind = FAULTS[step]
            data = torch.from_numpy(seen[sense])
            seen[sense] = CORRUPTIONS[sense, kind](data, torch.ones(1), generator).numpy()
        embedding = model.embed(seen)
        frames.append(frame(seen, embedding.weight[0].numpy(), task))
        held = torch.from_numpy(task.centres()).float()
        turn = turn_between(model, embedding.fused, goal, held, grid, generator)
        task.step(roma.rotmat_to_rotvec(turn).numpy())
    return [*frames, frame(seen_goal, np.full(len(model.config.names), np.nan), task) | {"left": np.array(np.nan)}]


def frame(seen: dict[str, NDArray], weight: NDArray, task: TurnToMatch) -> dict[str, NDArray]:
    left = np.degrees(np.linalg.norm(task.left()[0]))
    centred = seen[POINTS.name][0] - task.centres()[0]
    return {"rgb": seen[RGB.name][0], "points": centred, "weight": weight, "left": left}


def draw(frames: list[dict[str, NDArray]], path: Path) -> None:
    """Rows: the picture, the cloud as the camera sees it, and below them the weights."""
    names = (RGB.name, POINTS.name)
    with picture(path, 3, len(frames), (1.0, 1.05)) as (figure, axes):
        figure.subplots_adjust(wspace=0.08, hspace=0.12)
        for at, each in enumerate(frames):
            top, middle, below = axes[at], axes[len(frames) + at], axes[2 * len(frames) + at]
            goal = np.isnan(each["left"])
            bare(top)
            top.imshow(each["rgb"])
            top.set_title(
                "goal" if goal else f"{each['left']:.0f}° left", fontsize=8, fontweight="normal", loc="center"
            )
            bare(middle)
            x, y, z = each["points"].T
            middle.scatter(x, y, s=1.5, c=-z, cmap="viridis")
            reach = 1.1 * np.abs(frames[-1]["points"]).max()
            middle.set(xlim=(-reach, reach), ylim=(reach, -reach), aspect="equal")
            below.set_axis_off()
        first, last = axes[2 * len(frames)], axes[3 * len(frames) - 2]
        low, high = first.get_position(), last.get_position()
        curve = figure.add_axes((low.x0, low.y0, high.x1 - low.x0, low.height))
        steps = np.arange(len(frames) - 1)
        for m, name in enumerate(names):
            curve.plot(steps, [each["weight"][m] for each in frames[:-1]], "o-", color=COLOURS[name], markersize=3.5,
                       label=label(name))  # fmt: skip
        for step, (sense, _) in FAULTS.items():
            curve.axvspan(step - 0.5, step + 0.5, color=COLOURS[sense], alpha=0.12, linewidth=0)
        curve.set(xlim=(-0.5, len(steps) - 0.5), ylim=(0, 1), xlabel="step; shaded: that sense fails", ylabel="weight")
        curve.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def film(frames: list[dict[str, NDArray]], path: Path) -> None:
    """What is seen at each step, beside the goal."""

    def enlarged(rgb: NDArray) -> Image.Image:
        return Image.fromarray(rgb).resize((SIDE, SIDE), Image.Resampling.NEAREST)

    both = []
    for each in frames[:-1]:
        canvas = Image.new("RGB", (2 * SIDE + 8, SIDE), "white")
        canvas.paste(enlarged(each["rgb"]), (0, 0))
        canvas.paste(enlarged(frames[-1]["rgb"]), (SIDE + 8, 0))
        both.append(canvas)
    both[0].save(path, save_all=True, append_images=both[1:], duration=MS, loop=0)


if __name__ == "__main__":
    script.run("episode", main)
