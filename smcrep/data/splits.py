"""Train, validation and test splits by object, and the files that record them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

SPLITS = ("train", "val", "test", "extra")


def split_objects(names: Sequence[str], fractions: Mapping[str, float], seed: int) -> dict[str, list[str]]:
    """Disjoint lists of ``names`` (objects, or whole classes) that together hold each of them once.

    ``fractions`` by name of the split add up to 1; a split with a fraction above 0 gets at least one. The result does
    not depend on the order of ``names``.
    """
    if len(set(names)) != len(names):
        twice = sorted({n for n in names if list(names).count(n) > 1})
        raise ValueError(f"split_objects: {twice[:3]} named more than once; give each object one name")
    ordered = np.array(sorted(names), dtype=object)
    return {split: sorted(ordered[index].tolist()) for split, index in _cut(len(names), fractions, seed).items()}


def _cut(num: int, fractions: Mapping[str, float], seed: int) -> dict[str, np.ndarray]:
    shares = np.array(list(fractions.values()), float)
    if not len(shares) or (shares < 0).any() or not np.isclose(shares.sum(), 1):
        raise ValueError(f"split_objects: fractions {dict(fractions)} must be at least 0 and add up to 1")
    if num < (shares > 0).sum():
        raise ValueError(
            f"split_objects: {num} objects for {int((shares > 0).sum())} splits leave one empty; give more objects"
        )
    sizes = np.maximum(np.floor(shares * num + 1e-9).astype(int), shares > 0)
    while sizes.sum() != num:  # to the split, or from one, that is furthest from its share
        short = shares * num - sizes
        if sizes.sum() < num:
            sizes[np.argmax(np.where(shares > 0, short, -np.inf))] += 1
        else:
            sizes[np.argmin(np.where(sizes > 1, short, np.inf))] -= 1
    order = np.random.default_rng(seed).permutation(num)
    return dict(zip(fractions, np.split(order, np.cumsum(sizes)[:-1]), strict=True))


def read_split_file(path: str | Path) -> dict[str, list[str]]:
    """Lists of object names under "train", "val", "test" and, where there, "extra"; other keys are ignored.

    Raises ValueError where the file is missing or not JSON, a split is missing or empty, or an object is in two.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such split file; check the path")
    try:
        value = json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON ({error}); write lists of names under {SPLITS[:3]}") from None
    splits = {split: value[split] for split in SPLITS if isinstance(value, dict) and split in value}
    for split in SPLITS[:3]:
        if not splits.get(split):
            raise ValueError(f"{path}: split {split!r} is missing or empty; name at least one object in it")
    owner: dict[str, str] = {}
    for split, names in splits.items():
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise ValueError(f"{path}: split {split!r} is not a list of names; write one")
        for name in names:
            if name in owner:
                raise ValueError(f"{path}: {name!r} is in {owner[name]!r} and in {split!r}; keep it in one")
            owner[name] = split
    return splits
