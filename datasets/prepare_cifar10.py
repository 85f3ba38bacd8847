"""Images -> a store of augmented views: the parameters of the augmentation are the action.

    python datasets/prepare_cifar10.py $SMCREP_DATA/cifar10_jpeg/train.parquet data/cifar10-train
    python datasets/prepare_cifar10.py FOLDER_OF_CLASSES data/mine --image-size 64

About 1.5 minutes for the 50,000 training images (2 cores, k = 3: 0.6 GB). Whole shards of an interrupted run are
kept. Training can also read the images directly, with views drawn anew in every epoch:
`smcrep.data.readers.images.AugmentedImages`.
"""

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from smcrep import script
from smcrep.data.augment import AUGMENTATION_DIM
from smcrep.data.readers.images import AugmentedImages, open_folder, open_parquet
from smcrep.data.schema import image_schema
from smcrep.data.shard import is_complete, write_shard
from smcrep.data.store import Manifest, StoredObject, read_manifest, shard_path, write_manifest

STATES_PER_SHARD = 2000


def main(
    images: Annotated[Path, tyro.conf.Positional],
    out: Annotated[Path, tyro.conf.Positional],
    image_size: int = 32,
    num_branches: int = 3,
    num: int = 0,
    seed: int = 0,
) -> None:
    """Write (or complete) a store of images.

    Args:
        images: Parquet file, or folder with a folder for each class.
        out: Folder of the store.
        image_size: Side of the images in pixels.
        num_branches: Augmented views of each image.
        num: Only the first so many images (0: all).
        seed: Seed of the augmentations.
    """
    for name, value, low in (("--image-size", image_size, 1), ("--num-branches", num_branches, 1), ("--num", num, 0)):
        if value < low:
            raise ValueError(f"{name} is {value}; give at least {low}")
    if seed < 0:
        raise ValueError(f"--seed is {seed}; give 0 or more")
    pictures = open_parquet(images) if images.suffix == ".parquet" else open_folder(images)
    num = min(num or len(pictures), len(pictures))
    source = AugmentedImages(pictures, image_size, num_branches, seed)
    schema = image_schema(image_size, AUGMENTATION_DIM)
    config = {"images": images.name, "image_size": image_size, "num_branches": num_branches, "num": num, "seed": seed}
    labels = pictures.labels[:num].tolist()
    objects = tuple(StoredObject(i, f"picture-{i}", c, pictures.classes[c]) for i, c in enumerate(labels))
    manifest = Manifest(schema, num_branches, -(-num // STATES_PER_SHARD), objects, pictures.classes, config)
    if (out / "manifest.json").exists() and read_manifest(out) != manifest:
        raise ValueError(f"{out}: holds a store of another configuration; choose another folder or delete it")
    write_manifest(out, manifest)

    start = time.monotonic()
    for shard_id in range(manifest.num_shards):
        states = np.arange(shard_id * STATES_PER_SHARD, min(num, (shard_id + 1) * STATES_PER_SHARD))
        if not is_complete(shard_path(out, shard_id)):
            write_shard(shard_path(out, shard_id), schema, rows(source, states))
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
