"""Look at a store: one row a state, the picture and the cloud before and after each action.

    python datasets/show.py STORE --out sheet.png --states 6

Clouds are drawn by themselves (not over the picture) through the same pinhole, nearer points brighter.
"""

from pathlib import Path

import numpy as np
import tyro
from PIL import Image, ImageDraw

from smcrep import script
from smcrep.data.store import Store
from smcrep.geometry.action import KINDS

TILE = 96
LABEL = 12


def cloud_picture(points: np.ndarray, size: int) -> np.ndarray:
    """uint8 [size, size, 3]: points [n, 3] of the camera's frame, the larger side across 80 % of the picture."""
    centre, depth = points.mean(0), points[:, 2]
    scale = 0.8 * size / max(np.ptp(points[:, :2], axis=0).max(), 1e-6)
    column, row = ((points[:, :2] - centre[:2]) * scale + size / 2).astype(int).clip(1, size - 2).T
    brightness = 1 - 0.75 * (depth - depth.min()) / max(np.ptp(depth), 1e-6)
    picture = np.full((size, size, 3), 12, np.uint8)
    for i in np.argsort(-depth):  # the nearest is drawn last
        picture[row[i] : row[i] + 2, column[i] : column[i] + 2] = brightness[i] * np.array([120, 220, 255])
    return picture


def sheet(store: Store, states: np.ndarray) -> Image.Image:
    """The observations of ``states`` [s], two rows of tiles each, labelled with object and kind of action."""
    transition = store.transitions(states)
    k = store.num_branches
    height = 2 * TILE + LABEL
    picture = Image.new("RGB", ((k + 1) * TILE, len(states) * height), "white")
    draw = ImageDraw.Draw(picture)
    for i in range(len(states)):
        name = store.objects[int(transition.object_id[i])].name
        for j in range(k + 1):
            senses = {
                n: transition.before[n][i] if j == 0 else transition.after[n][i, j - 1] for n in transition.before
            }
            x, y = j * TILE, i * height
            kind = KINDS[int(transition.action.kind[i, j - 1])] if j else name  # type: ignore[union-attr]
            draw.text((x + 2, y), kind[:16], fill="black")
            rgb = Image.fromarray(senses["rgb"].numpy()).resize((TILE - 2, TILE - 2), Image.Resampling.NEAREST)
            picture.paste(rgb, (x, y + LABEL))
            cloud = Image.fromarray(cloud_picture(senses["points"].numpy(), TILE - 2))
            picture.paste(cloud, (x, y + LABEL + TILE))
    return picture


def main(store: tyro.conf.Positional[Path], /, out: Path = Path("sheet.png"), states: int = 6) -> None:
    """Draw ``states`` states, spread over the store."""
    opened = Store(store)
    chosen = np.linspace(0, opened.num_states - 1, min(states, opened.num_states)).astype(int)
    sheet(opened, chosen).save(out)
    print(f"{len(chosen)} of {opened.num_states} states of {store}: {out}")


if __name__ == "__main__":
    script.run("show", lambda: tyro.cli(main))
