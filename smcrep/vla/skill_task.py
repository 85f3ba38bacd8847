"""Scenes of several things with their names, of objects that are trained on or held out: is the named one found?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from smcrep.files import atomic_write
from smcrep.progress import progress
from smcrep.vla.captions import Words
from smcrep.vla.described import plain, surface_colour
from smcrep.vla.scenes import sample_scene
from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.environments import ENVIRONMENTS, TRAIN_ENVIRONMENTS


@dataclass(frozen=True)
class Scenes:
    """picture uint8 [n, h, w, 3]; label uint8 [n, h, w]: 1 + i where thing i is seen, else 0; thing int64 [n, k]: the
    numbers of its objects."""

    picture: Tensor
    label: Tensor
    thing: Tensor

    def masks(self, rows: Tensor) -> Tensor:
        """bool [b, k, h, w] of scenes ``rows`` int64 [b]."""
        return self.label[rows, None] == torch.arange(1, self.thing.shape[1] + 1)[:, None, None]


def phrases_of(objects: Sequence[ObjectModel]) -> list[str]:
    """ "the red mug" of each."""
    return [Words(plain(o.family), surface_colour(o.vertices, o.faces, o.uv, o.texture)).phrase for o in objects]


def choose_things(candidates: np.ndarray, phrases: Sequence[str], k: int, rng: np.random.Generator) -> list[int]:
    """k of ``candidates`` (numbers into ``phrases``) of which no two have the same phrase."""
    chosen: dict[str, int] = {}
    for i in map(int, rng.permutation(candidates)):
        chosen.setdefault(phrases[i], i)
        if len(chosen) == k:
            return list(chosen.values())
    raise ValueError(f"skills: {len(candidates)} objects have {len(chosen)} phrases, too few for scenes of {k}")


def draw_scenes(
    objects: Sequence[ObjectModel],
    phrases: Sequence[str],
    candidates: np.ndarray,
    num: int,
    *,
    k: int,
    size: int,
    seed: Sequence[int],
) -> Scenes:
    """``num`` scenes of k of ``candidates`` each, in the environments of training; scene i is a function of i and
    ``seed`` alone."""
    pictures, labels, things = [], [], []
    with progress(num, "scenes", unit="scenes") as bar:
        for i in range(num):
            rng = np.random.default_rng([*seed, i])
            chosen = choose_things(candidates, phrases, k, rng)
            environment = ENVIRONMENTS[str(rng.choice(TRAIN_ENVIRONMENTS))]
            scene = sample_scene([objects[j] for j in chosen], environment, rng, size)
            pictures.append(scene.picture)
            labels.append((scene.masks * np.arange(1, k + 1)[:, None, None]).sum(0).astype(np.uint8))
            things.append(chosen)
            bar.update()
    return Scenes(torch.from_numpy(np.stack(pictures)), torch.from_numpy(np.stack(labels)), torch.tensor(things))


def kept(path: Path, scenes: Scenes | None = None) -> Scenes:
    """Those in the file ``path``; written to it first where they are given."""
    if scenes is not None:
        with atomic_write(path) as temporary:
            save_file(vars(scenes), temporary)
    return Scenes(**load_file(path))
