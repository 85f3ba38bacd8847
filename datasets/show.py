"""Look at a store: for each state a row of tiles for each sense, before and after each action.

    python datasets/show.py STORE --out sheet.png --states 6

Images are drawn as they are, depth and masks in grey, nearer brighter; clouds by themselves, through the same pinhole.
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


def tile(data: np.ndarray) -> Image.Image:
    """One observation of a sense: [h, w, 3], [h, w, 1] or [h, w], or points [n, 3]."""
    data = data[..., 0] if data.ndim == 3 and data.shape[-1] == 1 else data
    if data.ndim == 3:
        drawn = data.astype(np.uint8)
    elif data.shape[-1] == 3:
        drawn = cloud(data, TILE)
    else:
        drawn = grey(data)
    return Image.fromarray(drawn).resize((TILE - 2, TILE - 2), Image.Resampling.NEAREST)


def grey(image: np.ndarray) -> np.ndarray:
    """uint8 [h, w]: the smallest number above 0 is brightest, and 0, nothing, is black."""
    image = image.astype(np.float64)
    near, far = image[image > 0].min(initial=np.inf), image.max()
    return np.where(image > 0, 255 - 190 * (image - near) / max(far - near, 1e-6), 0).astype(np.uint8)


def cloud(points: np.ndarray, size: int) -> np.ndarray:
    """uint8 [size, size, 3]: points [n, 3] of the camera's frame, the larger side across 80 % of the image."""
    centre, depth = points.mean(0), points[:, 2]
    scale = 0.8 * size / max(np.ptp(points[:, :2], axis=0).max(), 1e-6)
    column, row = ((points[:, :2] - centre[:2]) * scale + size / 2).astype(int).clip(1, size - 2).T
    brightness = 1 - 0.75 * (depth - depth.min()) / max(np.ptp(depth), 1e-6)
    drawn = np.full((size, size, 3), 12, np.uint8)
    for i in np.argsort(-depth):  # the nearest is drawn last
        drawn[row[i] : row[i] + 2, column[i] : column[i] + 2] = brightness[i] * np.array([120, 220, 255])
    return drawn


def sheet(store: Store, states: np.ndarray) -> Image.Image:
    """The observations of ``states`` [s], labelled with object and kind of action."""
    transition = store.transitions(states)
    observations, views = transition.observations, store.num_branches + 1
    height = len(store.senses) * TILE + LABEL
    drawn = Image.new("RGB", (views * TILE, len(states) * height), "white")
    labels = ImageDraw.Draw(drawn)
    for i in range(len(states)):
        kinds = [KINDS[int(kind)] for kind in transition.action.kind[i]]  # type: ignore[union-attr]
        name = store.objects[int(transition.object_id[i])].name
        for j, words in enumerate([name, *kinds]):
            labels.text((j * TILE + 2, i * height), words[:16], fill="black")
            for k, sense in enumerate(store.senses):
                image = tile(observations[sense][i, j].numpy())
                drawn.paste(image, (j * TILE, i * height + LABEL + k * TILE))
    return drawn


def main(store: tyro.conf.Positional[Path], /, out: Path = Path("sheet.png"), states: int = 6) -> None:
    """Draw some states, spread over a store.

    Args:
        store: Folder of the store.
        out: Image file to write.
        states: States that are drawn.
    """
    if states < 1:
        raise ValueError(f"--states is {states}; give at least 1")
    opened = Store(store)
    chosen = np.linspace(0, opened.num_states - 1, min(states, opened.num_states)).astype(int)
    sheet(opened, chosen).save(out)
    print(f"{len(chosen)} of {opened.num_states} states of {store}: {out}")


if __name__ == "__main__":
    script.run("show", lambda: tyro.cli(main))
