"""What a store knows of its objects and actions, in words."""

import re

import numpy as np
import torch
from torch import Tensor

from smcrep.data.store import Store
from smcrep.geometry.action import KINDS
from smcrep.vla.captions import Words, caption

GREY_BELOW = 0.25
"""Saturation, (largest - smallest) / largest, of colours that have no hue to speak of."""
HUES = {
    "red": 20, "orange": 45, "yellow": 70, "green": 165, "cyan": 200, "blue": 260, "purple": 320, "pink": 345,
}  # fmt: skip
"""Degrees up to which a hue has that name; beyond the last it is red again."""


def colour_names(rgb: np.ndarray) -> np.ndarray:
    """uint8 [..., 3] -> their names [...]: black, white, grey, brown (dark orange) or a hue."""
    x = np.asarray(rgb, np.float64) / 255
    high, low = x.max(-1), x.min(-1)
    spread = np.maximum(high - low, 1e-12)
    r, g, b = np.moveaxis(x, -1, 0)
    sextant = np.where(high == r, (g - b) / spread % 6, np.where(high == g, (b - r) / spread + 2, (r - g) / spread + 4))
    edges = np.array(list(HUES.values()))
    names = np.array([*HUES, "red"])[np.searchsorted(edges, 60 * sextant, side="right")]
    names = np.where((names == "orange") & (high < 0.65), "brown", names)
    grey = (high - low) / np.maximum(high, 1e-12) < GREY_BELOW
    names = np.where(grey, np.where(high > 0.8, "white", "grey"), names)
    return np.where(high < 0.2, "black", names)


def surface_colour(vertices: np.ndarray, faces: np.ndarray, uv: np.ndarray, texture: np.ndarray) -> str:
    """The colour that most of a surface has, by area: each face counts as the texel at its centre. Arrays as
    `smcrep.worlds.objects.model.ObjectModel` has them."""
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=-1)
    u, v = np.moveaxis(uv.mean(1), -1, 0)
    height, width = texture.shape[:2]
    row = np.clip((1 - v) * height, 0, height - 1).astype(int)
    names = colour_names(texture[row, np.clip(u * width, 0, width - 1).astype(int)])
    known, index = np.unique(names, return_inverse=True)
    return str(known[np.bincount(index, area).argmax()])


def plain(name: str) -> str:
    """ "003_cracker_box" -> "cracker box": a family as one would say it."""
    return " ".join(re.sub(r"\d+", " ", name.replace("_", " ").replace("-", " ")).split()) or name


def described(store: Store) -> dict[int, Words]:
    """object_id -> its words. The colour is looked up in the objects that the store was simulated with; a store without
    them (pictures, clouds of others) says the family alone. No store of today records a material."""
    record = store.manifest.config.get("simulation")
    if record is None:
        return {o.object_id: Words(plain(o.family)) for o in store.objects}
    from smcrep.worlds.simulation import Simulation  # needs the simulator's libraries

    models = Simulation.from_json(record).object_set
    at = {name: i for i, name in enumerate(models.names)}
    found = {}
    for o in store.objects:
        model = models[at[o.name]]
        found[o.object_id] = Words(
            plain(o.family), surface_colour(model.vertices, model.faces, model.uv, model.texture)
        )
    return found


def captions(
    store: Store, states: np.ndarray, words: dict[int, Words], rng: np.random.Generator, *, held_out: bool = False
) -> tuple[list[list[str]], Tensor]:
    """A caption of each action of states [b]: [b][k], and what it means, int64 [b, k]: equal where object's words and
    kind of action are."""
    batch = store.transitions(states, senses=())
    kinds = getattr(batch.action, "kind", None)
    if kinds is None:
        raise ValueError(
            f"{store.path}: its actions are image augmentations, which have no words; give a store of acts"
        )
    phrases = sorted({w.phrase for w in words.values()})
    texts, meanings = [], []
    for object_id, row in zip(batch.object_id.tolist(), kinds.tolist(), strict=True):
        it = words[object_id]
        texts.append([caption(it, KINDS[kind], rng, held_out=held_out) for kind in row])
        meanings.append([phrases.index(it.phrase) * len(KINDS) + kind for kind in row])
    return texts, torch.tensor(meanings)
