"""A Parquet file of encoded images and labels, as Hugging Face's ``datasets`` and others write them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from smcrep.data.readers.encoded import Pictures

MAX_TABLE_BYTES = 8 << 30
"""Of all encoded images of a Parquet file, which may repeat one image a billion times in a few bytes."""
MAX_CLASSES = 1_000_000
BATCH_ROWS = 32
"""Rows read at once: the arrays of one batch hold 2 GiB at most, a table is a chain of them."""


@dataclass(frozen=True, eq=False)
class ImageColumn(Sequence[Path | bytes]):
    """Encoded images; where a row holds none, the file that its path names below the folder of the table."""

    encoded: pa.ChunkedArray
    paths: pa.ChunkedArray | None
    folder: Path

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, index: int) -> Path | bytes:  # type: ignore[override]
        encoded = self.encoded[int(index)].as_py()
        if encoded is not None:
            return encoded
        path = self.path(index)
        if not path:
            raise ValueError("it has neither bytes nor a path")
        found = (self.folder / path).resolve()
        if not found.is_relative_to(self.folder.resolve()):
            raise ValueError(f"its path {path!r} leaves the folder of the table")
        if not found.is_file():
            raise ValueError(f"it has no bytes, and there is no file {path!r} beside the table")
        return found

    def path(self, index: int) -> str | None:
        return None if self.paths is None else self.paths[int(index)].as_py()


def open_parquet(path: str | Path, *, image_column: str | None = None, label_column: str | None = None) -> Pictures:
    """A column of encoded images (binary, or Hugging Face's struct of ``bytes`` and ``path``; bytes may be null where
    the path names a file beside the table) and one of integer or text labels. Columns that are not named are found by
    the ``datasets`` metadata, else by their types and names.

    Class names are the text labels, else taken from the metadata, else from folders in the paths where these tell the
    labels apart, else they are the numbers.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such Parquet file; check the path")
    image, label = image_column or "image", label_column or "label"
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            features = _features(schema)
            image = image_column or _image_column(schema, features)
            label = label_column or _label_column(schema, features)
            table = _bounded_table(file, [image, label])
        table.validate(full=True)  # paths that are no UTF-8
        images, labels = _images(table.column(image), path.parent), table.column(label)
    except (pa.ArrowException, OSError, KeyError, AttributeError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{path}: not Parquet with {image!r} (struct of bytes and path) and {label!r} ({reason});"
            " name its columns, or copy it again"
        ) from None
    numbers, classes = _labels(labels, features.get(label), images, f"{path}: column {label!r}", path)
    names = tuple(images.path(i) or f"row {i}" for i in range(len(images)))
    line = f"{path}: {len(names)} pictures of {len(np.unique(numbers))} classes"
    return Pictures(images, numbers, classes, str(path), names, (line,))


def _features(schema: pa.Schema) -> dict[str, Any]:
    """Column -> what Hugging Face's metadata say of it; {} where there are none, or of another form."""
    try:
        found = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {name: note for name, note in found.items() if isinstance(note, dict)}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _image_column(schema: pa.Schema, features: dict[str, Any]) -> str:
    noted = [name for name in schema.names if features.get(name, {}).get("_type") == "Image"]
    return _one(noted or [f.name for f in schema if _is_image(f.type)], ("image", "img"), "images")


def _label_column(schema: pa.Schema, features: dict[str, Any]) -> str:
    noted = [name for name in schema.names if features.get(name, {}).get("_type") == "ClassLabel"]
    return _one(noted or [f.name for f in schema if _is_label(f.type)], ("label", "labels", "class"), "labels")


def _one(found: list[str], usual: tuple[str, ...], what: str) -> str:
    preferred = [name for name in usual if name in found] or found
    if len(found) != 1 and preferred is found:
        raise ValueError(f"columns that may hold {what}: {found}")
    return preferred[0]


def _is_image(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _is_label(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _images(column: pa.ChunkedArray, folder: Path) -> ImageColumn:
    if not _is_image(column.type):
        raise ValueError(f"images of type {column.type}")
    if not pa.types.is_struct(column.type):
        return ImageColumn(column, None, folder)
    parts = {
        field.name: pa.chunked_array([chunk.flatten()[i] for chunk in column.chunks], field.type)
        for i, field in enumerate(column.type)
        if field.name in ("bytes", "path")
    }
    return ImageColumn(parts["bytes"], parts.get("path"), folder)


def _labels(
    column: pa.ChunkedArray, feature: dict[str, Any] | None, images: ImageColumn, where: str, path: Path
) -> tuple[np.ndarray, tuple[str, ...]]:
    """(int64 [n], names of the classes)."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not _is_label(column.type) or column.null_count:
        raise ValueError(f"{where} is {column.type} with {column.null_count} nulls; give integers or texts")
    if not len(column):
        raise ValueError(f"{path}: no images in it; give a file with at least one row")
    if not pa.types.is_integer(column.type):
        classes, numbers = np.unique(np.array(column.to_pylist(), object), return_inverse=True)
        return numbers.astype(np.int64), tuple(classes.tolist())
    labels = column.to_numpy().astype(np.int64)
    if labels.min() < 0 or labels.max() >= MAX_CLASSES:
        row = int(labels.argmin() if labels.min() < 0 else labels.argmax())
        raise ValueError(f"{path}: label {labels[row]} at row {row}; labels count from 0, to {MAX_CLASSES} at most")
    names = (feature or {}).get("names")
    if not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
        names = _names_by_folder(labels, images)
    if labels.max() >= len(names):
        raise ValueError(f"{path}: label {labels.max()} with {len(names)} class names in its metadata; name them all")
    return labels, tuple(names)


def _names_by_folder(labels: np.ndarray, images: ImageColumn) -> list[str]:
    """For each label the folder of its pictures: its last part where that tells all labels apart, else its whole path,
    else the number of the label (pictures of one label in several folders, or of several in one)."""
    parents: dict[int, set[PurePosixPath]] = {}
    for row, label in enumerate(labels.tolist()):
        path = PurePosixPath((images.path(row) or "").replace("\\", "/"))
        parents.setdefault(label, set()).add(path.parent)
    names = [str(number) for number in range(int(labels.max()) + 1)]
    own = {label: next(iter(found)) for label, found in parents.items() if len(found) == 1 and next(iter(found)).name}
    for named in ({n: p.name for n, p in own.items()}, {n: str(p) for n, p in own.items()}):
        chosen = [named.get(number, name) for number, name in enumerate(names)]
        if len(set(chosen)) == len(chosen):
            return chosen
    return names


def _bounded_table(file: pq.ParquetFile, columns: list[str]) -> pa.Table:
    """The columns, read in batches, so that a file that unpacks to too much is refused before it fills the memory."""
    batches, size = [], 0
    for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=columns):
        size += batch.nbytes
        if size > MAX_TABLE_BYTES:
            raise ValueError(f"more than {MAX_TABLE_BYTES} bytes; cut it into several files")
        batches.append(batch)
    return pa.Table.from_batches(batches, batches[0].schema if batches else file.schema_arrow)
