"""Encoded images with names, labels and classes: what the readers of folders and of Parquet files give."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from smcrep.senses.pictures import rgb_image


@dataclass(frozen=True, eq=False)
class Pictures:
    """Encoded images and their labels; `decode` opens one."""

    files: Sequence[Path | bytes]
    labels: np.ndarray  # int64 [n], into ``classes``
    classes: tuple[str, ...]
    where: str  # for error messages
    names: tuple[str, ...] = ()  # of each picture: its path below the folder, or its row
    report: tuple[str, ...] = ()  # lines on what was found, and what was left out and why

    def __len__(self) -> int:
        return len(self.labels)

    def decode(self, index: int, size: int) -> np.ndarray:
        """uint8 [size, size, 3]: the largest central square of the picture (`smcrep.senses.pictures`), resized."""
        name = f"{self.where}, row {index}"
        try:
            item = self.files[index]
            name = str(item) if isinstance(item, Path) else name
            return np.asarray(ImageOps.fit(rgb_image(item), (size, size), Image.Resampling.BILINEAR))
        except Exception as error:  # Pillow raises many kinds for a corrupt image
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(f"{name}: not a readable image ({reason}); replace it or leave it out") from None

    def content(self, num: int) -> str:
        """sha256 over the names and the bytes of the first ``num`` pictures; one that is not there counts as empty."""
        found = hashlib.sha256()
        for index in range(num):
            try:
                item = self.files[index]
                encoded = item.read_bytes() if isinstance(item, Path) else item
            except (OSError, ValueError):
                encoded = b""
            name = self.names[index] if self.names else str(index)
            found.update(f"{name}\n{hashlib.sha256(encoded).hexdigest()}\n".encode())
        return found.hexdigest()

    def select(self, rows: Sequence[int]) -> "Pictures":
        """Only the pictures ``rows``, in that order; classes keep their numbers."""
        names = tuple(self.names[i] for i in rows) if self.names else ()
        return replace(self, files=_Chosen(self.files, rows), labels=self.labels[np.asarray(rows, int)], names=names)

    def with_classes(self, classes: Sequence[str]) -> "Pictures":
        """The same pictures, numbered as in ``classes``. ValueError where one has pictures and is not among them."""
        known = {name: number for number, name in enumerate(classes)}
        used = [self.classes[i] for i in np.unique(self.labels)]
        if unknown := [name for name in used if name not in known]:
            raise ValueError(
                f"{self.where}: class {unknown[0]!r} is not among the {len(known)} to be numbered by "
                f"({', '.join(list(known)[:5])} ...); leave it out, or number by other classes"
            )
        numbers = np.array([known.get(name, -1) for name in self.classes])
        return replace(self, labels=numbers[self.labels], classes=tuple(classes))


@dataclass(frozen=True, eq=False)
class _Chosen(Sequence[Path | bytes]):
    files: Sequence[Path | bytes]
    rows: Sequence[int]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Path | bytes:  # type: ignore[override]
        return self.files[self.rows[index]]


def unreadable(pictures: Pictures, num: int) -> dict[int, str]:
    """Picture -> why it cannot be read, of those of the first ``num`` that cannot. Decodes all of them."""
    found = {}
    for index in range(num):
        try:
            pictures.decode(index, 1)
        except ValueError as error:
            found[index] = str(error)
    return found
