"""Images -> a store of augmented views: the parameters of the augmentation are the action.

    python datasets/prepare_cifar10.py $SMCREP_DATA/cifar10_jpeg/train.parquet data/cifar10-train
    python datasets/prepare_cifar10.py FOLDER_OF_CLASSES data/mine --image-size 64 --on-bad skip
    python datasets/prepare_cifar10.py FOLDER_FOR_TESTS data/mine-test --image-size 64 --classes-of data/mine

About 1.5 minutes for the 50,000 training images (2 cores, k = 3: 0.6 GB). Every picture is read once before anything is
written. Whole shards of an interrupted run are kept; a store that was made of other pictures is refused. Training can
also read the images directly, with views drawn anew in every epoch: `smcrep.data.readers.images.AugmentedImages`.
"""

import time
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from smcrep import script
from smcrep.data.augment import AUGMENTATION_DIM
from smcrep.data.readers.encoded import unreadable
from smcrep.data.readers.images import AugmentedImages, Pictures, open_folder, open_parquet
from smcrep.data.schema import image_schema
from smcrep.data.shard import SHARD_BYTES, is_complete, states_per_shard, write_shard
from smcrep.data.store import Manifest, StoredObject, read_manifest, shard_path, write_manifest

BLOCK_BYTES = 8 << 20
"""Of the pictures and views that are made at once: augmentation takes some 20 times as much."""


def main(
    images: Annotated[Path, tyro.conf.Positional],
    out: Annotated[Path, tyro.conf.Positional],
    image_size: int = 32,
    num_branches: int = 3,
    num: int = 0,
    seed: int = 0,
    on_bad: Literal["skip", "refuse"] = "refuse",
    classes_of: Path | None = None,
    image_column: str | None = None,
    label_column: str | None = None,
) -> None:
    """Write (or complete) a store of images.

    Args:
        images: Parquet file, or folder with a folder for each class.
        out: Folder of the store.
        image_size: Side of the images in pixels.
        num_branches: Augmented views of each image.
        num: Only the first so many images (0: all).
        seed: Seed of the augmentations.
        on_bad: Whether a picture that cannot be read is left out, or ends the command before anything is written.
        classes_of: Store whose classes number those of the pictures: a test set has the numbers of its training set.
        image_column: Column of a Parquet file that holds the images (default: found).
        label_column: Column of a Parquet file that holds the labels (default: found).
    """
    for name, value, low in (("--image-size", image_size, 1), ("--num-branches", num_branches, 1), ("--num", num, 0)):
        if value < low:
            raise ValueError(f"{name} is {value}; give at least {low}")
    if seed < 0:
        raise ValueError(f"--seed is {seed}; give 0 or more")
    if images.is_dir():
        pictures = open_folder(images)
    else:
        pictures = open_parquet(images, image_column=image_column, label_column=label_column)
    print(*pictures.report, sep="\n", flush=True)
    if classes_of:
        pictures = pictures.with_classes(read_manifest(classes_of).classes)
    num = min(num or len(pictures), len(pictures))
    config = {"images": images.resolve().name, "image_size": image_size, "num_branches": num_branches, "num": num}
    config |= {"seed": seed, "content": pictures.content(num)}
    skipped = known_skipped(out, config)
    if skipped is None:
        skipped = checked(pictures, num, on_bad)
    pictures = pictures.select([i for i in range(num) if i not in set(skipped)])
    write(AugmentedImages(pictures, image_size, num_branches, seed), out, config | {"skipped": skipped})


def known_skipped(out: Path, config: dict[str, Any]) -> list[int] | None:
    """The pictures that the store in ``out`` left out; None where there is none yet. ValueError where it was made
    otherwise, or of other pictures."""
    if not (out / "manifest.json").exists():
        return None
    stored = read_manifest(out).config
    if other := [f"{k} {stored.get(k)} there, {v} here" for k, v in config.items() if stored.get(k) != v]:
        what = "other pictures (their names or bytes differ)" if other[0].startswith("content") else "; ".join(other)
        raise ValueError(f"{out}: holds a store of another configuration: {what}; choose another folder or delete it")
    return list(stored["skipped"])


def checked(pictures: Pictures, num: int, on_bad: str) -> list[int]:
    """The pictures to leave out, each of them named."""
    bad = unreadable(pictures, num)
    if bad and (on_bad == "refuse" or len(bad) == num):
        first = next(iter(bad.values()))
        raise ValueError(f"{len(bad)} of {num} pictures cannot be read; {first}, or give --on-bad skip")
    print(*(f"skipped: {why}" for why in bad.values()), sep="\n", end="\n" * bool(bad))
    print(f"{pictures.where}: {num - len(bad)} of {num} pictures can be read, {len(bad)} are left out", flush=True)
    return list(bad)


def write(source: AugmentedImages, out: Path, config: dict[str, Any]) -> None:
    """The store of ``source``; its objects are named by the files of the pictures."""
    pictures, num = source.pictures, len(source.pictures)
    schema = image_schema(source.image_size, AUGMENTATION_DIM)
    per_shard = states_per_shard(schema, source.num_branches)
    named = zip(pictures.names, pictures.labels.tolist(), strict=True)
    objects = tuple(StoredObject(i, name, label, pictures.classes[label]) for i, (name, label) in enumerate(named))
    manifest = Manifest(schema, source.num_branches, -(-num // per_shard), objects, pictures.classes, config)
    if (out / "manifest.json").exists() and read_manifest(out) != manifest:
        raise ValueError(f"{out}: its classes or shards are cut otherwise; choose another folder or delete it")
    write_manifest(out, manifest)

    start = time.monotonic()
    for shard_id in range(manifest.num_shards):
        states = np.arange(shard_id * per_shard, min(num, (shard_id + 1) * per_shard))
        if not is_complete(shard_path(out, shard_id)):
            blocks = np.array_split(states, -(-len(states) // max(1, per_shard * BLOCK_BYTES // SHARD_BYTES)))
            parts = [rows(source, block) for block in blocks]
            whole = {name: np.concatenate([part[name] for part in parts]) for name in schema.columns}
            write_shard(shard_path(out, shard_id), schema, whole)
        done = shard_id + 1
        left = (time.monotonic() - start) / done * (manifest.num_shards - done)
        print(f"{out}: {states[-1] + 1} of {num} images, {left:.0f} s left", flush=True)


def rows(source: AugmentedImages, states: np.ndarray) -> dict[str, np.ndarray]:
    """Row 0 of a state is the image under the identity, rows 1..k its views."""
    transition, targets = source.load(states, epoch=0)
    v = source.num_branches + 1
    rgb = np.concatenate([transition.before["rgb"].numpy()[:, None], transition.after["rgb"].numpy()], 1)
    identity = transition.action.identity(len(states), 1).vector().numpy()
    actions = np.concatenate([identity, transition.action.vector().numpy()], 1)
    return {
        "rgb": rgb.reshape(-1, *rgb.shape[2:]),
        "augmentation": actions.reshape(-1, actions.shape[-1]),
        "state_id": np.repeat(states, v),
        "object_id": np.repeat(states, v),
        "class_id": np.repeat(targets.class_id.numpy(), v),
        "environment_id": np.zeros(len(states) * v, np.int64),
    }


if __name__ == "__main__":
    script.run("prepare_cifar10", lambda: tyro.cli(main))
