"""Sentences about objects, of which some objects and some phrasings are held out: is the meaning found?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from smcrep.geometry.action import KINDS
from smcrep.vla.captions import DEEDS, HELD_OUT_DEEDS, HELD_OUT_SENTENCES, SENTENCES, Words
from smcrep.vla.described import HUES, plain
from smcrep.worlds.objects.families import FAMILIES

PARTS = ("family", "colour", "act")
COLOURS = (*HUES, "brown", "black", "white", "grey")
NUM_CLASSES = {"family": len(FAMILIES), "colour": len(COLOURS), "act": len(KINDS)}
HELD_OUT_OBJECTS = 0.25
PHRASINGS = {kind: (*DEEDS[kind], *HELD_OUT_DEEDS[kind]) for kind in KINDS}
"""Of each act all phrasings, those that captions hold out last."""
NUM_TRAINED = min(len(deeds) for deeds in DEEDS.values())
assert {len(deeds) for deeds in PHRASINGS.values()} == {NUM_TRAINED + 2}


@dataclass(frozen=True)
class Sentences:
    """meaning int64 [n, 3]: classes of `PARTS`; phrasing int64 [n]: which of `PHRASINGS`."""

    texts: list[str]
    meaning: np.ndarray
    phrasing: np.ndarray

    @property
    def parts(self) -> dict[str, Tensor]:
        return parts_of(self.meaning)


def parts_of(meaning: np.ndarray) -> dict[str, Tensor]:
    """Part -> class, int64 [n], of meanings [n, 3]."""
    return {name: torch.from_numpy(meaning[:, i].copy()) for i, name in enumerate(PARTS)}


def objects(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(trained, held out): families and colours [n, 2] of all that there are."""
    pairs = np.stack(np.meshgrid(np.arange(len(FAMILIES)), np.arange(len(COLOURS)), indexing="ij"), -1).reshape(-1, 2)
    pairs = rng.permutation(pairs)
    num = round(HELD_OUT_OBJECTS * len(pairs))
    return pairs[num:], pairs[:num]


def drawn(pairs: np.ndarray, num: int, sentences: Sequence[str], rng: np.random.Generator) -> Sentences:
    """``num`` sentences about ``pairs``; every phrasing of every act as often as every other, within one."""
    names = [plain(family) for family in FAMILIES]
    slots = np.stack(np.meshgrid(np.arange(len(KINDS)), np.arange(NUM_TRAINED + 2), indexing="ij"), -1).reshape(-1, 2)
    slots = rng.permutation(np.tile(slots, (-(-num // len(slots)), 1)))[:num]
    chosen = pairs[rng.integers(len(pairs), size=num)]
    texts = [
        str(rng.choice(sentences)).format(do=PHRASINGS[KINDS[act]][phrasing].format(it=phrase(names[f], COLOURS[c])))
        for (f, c), (act, phrasing) in zip(chosen.tolist(), slots.tolist(), strict=True)
    ]
    return Sentences(texts, np.column_stack([chosen, slots[:, 0]]), slots[:, 1])


def phrase(family: str, colour: str) -> str:
    return Words(family, colour).phrase


def training(pairs: np.ndarray, num: int, rng: np.random.Generator) -> Sentences:
    """Of all phrasings: leave out those that are to be held out."""
    return drawn(pairs, num, SENTENCES, rng)


def asked(pairs: np.ndarray, num: int, rng: np.random.Generator) -> Sentences:
    """In sentences that no training has."""
    return drawn(pairs, num, HELD_OUT_SENTENCES, rng)


def gallery(pairs: np.ndarray) -> np.ndarray:
    """Meanings [m, 3]: each object under each act."""
    acts = np.arange(len(KINDS))
    return np.array([(f, c, act) for f, c in pairs.tolist() for act in acts], np.int64)
