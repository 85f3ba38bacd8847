"""Images as transitions: before is the image, after are k augmented views, the action is the augmentation.

Reads a folder of one sub-folder a class, or a Parquet file with a column of encoded images (CIFAR-10).
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image, ImageOps

from smcrep.data.augment import Augmentation, AugmentationRanges, augment, sample
from smcrep.geometry.physics import PHYSICS_DIM
from smcrep.senses.pictures import rgb_image
from smcrep.transition import Senses, Targets, Transition

MAX_TABLE_BYTES = 8 << 30
"""Of all encoded images of a Parquet file, which may repeat one image a billion times in a few bytes."""
MAX_CLASSES = 1_000_000
EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm")


@dataclass(frozen=True, eq=False)
class Pictures:
    """Encoded images and their labels; `decode` opens one."""

    files: list[Path] | pa.Array  # paths, or a binary column
    labels: np.ndarray  # int64 [n]
    classes: tuple[str, ...]
    where: str  # for error messages

    def __len__(self) -> int:
        return len(self.labels)

    def decode(self, index: int, size: int) -> np.ndarray:
        """uint8 [size, size, 3]: the largest central square of the picture (`smcrep.senses.pictures`), resized."""
        item = self.files[index]
        name = str(item) if isinstance(item, Path) else f"{self.where}, row {index}"
        try:
            image = rgb_image(item if isinstance(item, Path) else item.as_py())
            return np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR))
        except Exception as error:  # Pillow raises many kinds for a corrupt image
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(f"{name}: not a readable image ({reason}); replace it or leave it out") from None


def open_folder(root: str | Path) -> Pictures:
    """``root/<class>/*.jpg`` and so on, classes and files in alphabetic order. Hidden files are skipped."""
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder of images; check the path")
    files = sorted(f for f in root.glob("*/*") if f.suffix.lower() in EXTENSIONS and f.is_file() and f.name[0] != ".")
    if not files:
        raise ValueError(f"{root}: no images in it; expected {root.name}/<class>/<name>.jpg (or {EXTENSIONS[2]} ...)")
    classes = sorted({f.parent.name for f in files})
    number = {name: i for i, name in enumerate(classes)}
    return Pictures(files, np.array([number[f.parent.name] for f in files]), tuple(classes), str(root))


def open_parquet(path: str | Path, *, image_column: str = "img", label_column: str = "label") -> Pictures:
    """Columns of Hugging Face's image type (struct of bytes and path) and integer labels. Class names are taken from
    the ``datasets`` metadata, else from folders in the paths, else they are the numbers."""
    if not Path(path).is_file():
        raise ValueError(f"{path}: no such Parquet file; check the path")
    try:
        table = _bounded_table(Path(path), [image_column, label_column])
        images = table.column(image_column).combine_chunks()
        images.validate(full=True)  # paths that are no UTF-8
        encoded, labels = images.field("bytes"), table.column(label_column).combine_chunks()
    except (pa.ArrowException, OSError, KeyError, AttributeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{path}: not Parquet with {image_column!r} (struct of bytes and path) and {label_column!r} ({reason});"
            " name its columns, or copy it again"
        ) from None
    if not pa.types.is_integer(labels.type) or labels.null_count:
        raise ValueError(
            f"{path}: column {label_column!r} is {labels.type} with {labels.null_count} nulls; give integers"
        )
    labels = labels.to_numpy().astype(np.int64)
    if not len(labels):
        raise ValueError(f"{path}: no images in it; give a file with at least one row")
    if labels.min() < 0 or labels.max() >= MAX_CLASSES:
        row = int(labels.argmin() if labels.min() < 0 else labels.argmax())
        raise ValueError(f"{path}: label {labels[row]} at row {row}; labels count from 0, to {MAX_CLASSES} at most")
    classes = _class_names(table, images, labels, label_column)
    if labels.max() >= len(classes):
        raise ValueError(f"{path}: label {labels.max()} with {len(classes)} class names in its metadata; name them all")
    return Pictures(encoded, labels, classes, str(path))


@dataclass(frozen=True, eq=False)
class AugmentedImages:
    """Images as a source of transitions: every image is a state and an object of its own.

    The views depend on (seed, epoch, image) alone: not on the batching, and new in every epoch.
    """

    pictures: Pictures
    image_size: int
    num_branches: int
    seed: int
    ranges: AugmentationRanges = field(default_factory=AugmentationRanges)

    @property
    def object_ids(self) -> np.ndarray:
        return np.arange(len(self.pictures))

    @property
    def class_ids(self) -> np.ndarray:
        return self.pictures.labels

    def load(self, states: np.ndarray, epoch: int) -> tuple[Transition, Targets]:
        """States [b] with new views for every epoch. Pose and physics are NaN."""
        b, k, size = len(states), self.num_branches, self.image_size
        pictures = torch.from_numpy(np.stack([self.pictures.decode(int(s), size) for s in states]))
        vectors = []
        for state in states:
            entropy = np.random.SeedSequence([self.seed, epoch, int(state)]).generate_state(1, np.uint64)[0]
            generator = torch.Generator().manual_seed(int(entropy >> np.uint64(1)))
            vectors.append(sample(self.ranges, (k,), (size, size), generator).vector())
        action = Augmentation.from_vector(torch.stack(vectors))
        views = augment(pictures[:, None].expand(b, k, size, size, 3), action)
        index = torch.from_numpy(np.asarray(states, np.int64))
        transition = Transition(
            before=Senses.all_present({"rgb": pictures}),
            after=Senses.all_present({"rgb": views}, 2),
            action=action,  # type: ignore[arg-type]
            physics=None,
            state_id=index,
            object_id=index,
            environment_id=torch.zeros(b, dtype=torch.int64),
        )
        targets = Targets(
            class_id=torch.from_numpy(self.class_ids[states]),
            object_id=index,
            pose_before=torch.full((b, 4, 4), torch.nan),
            pose_after=torch.full((b, k, 4, 4), torch.nan),
            physics=torch.full((b, k, PHYSICS_DIM), torch.nan),
        )
        return transition, targets


def _bounded_table(path: Path, columns: list[str]) -> pa.Table:
    """The columns, read in batches, so that a file that unpacks to too much is refused before it fills the memory."""
    batches, size = [], 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=256, columns=columns):
            size += batch.nbytes
            if size > MAX_TABLE_BYTES:
                raise ValueError(f"more than {MAX_TABLE_BYTES} bytes; cut it into several files")
            batches.append(batch)
        schema = file.schema_arrow
        return pa.Table.from_batches(batches, batches[0].schema.with_metadata(schema.metadata) if batches else schema)


def _class_names(table: pa.Table, images: pa.StructArray, labels: np.ndarray, column: str) -> tuple[str, ...]:
    try:
        note = json.loads((table.schema.metadata or {}).get(b"huggingface", b"{}"))
        names = note.get("info", {}).get("features", {}).get(column, {}).get("names")
    except (ValueError, AttributeError, RecursionError):  # not in Hugging Face's form: take the names from folders
        names = None
    if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
        return tuple(names)
    first = np.unique(labels, return_index=True)
    has_paths = images.type.get_field_index("path") >= 0
    paths = [images[int(i)]["path"].as_py() if has_paths else None for i in first[1]]
    names = [str(number) for number in range(int(labels.max()) + 1)]
    for number, path in zip(first[0], paths, strict=True):
        if isinstance(path, str) and len(Path(path).parts) > 1:
            names[number] = Path(path).parent.name
    return tuple(names)
