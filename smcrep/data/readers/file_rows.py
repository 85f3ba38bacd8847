"""A folder of files, each an observation of one sense."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from smcrep.data.readers.source import Rows, fingerprint_of, inside, read_each


class FileRows:
    """Every file below ``root`` with one of ``extensions``, in alphabetic order of its path. Hidden files are not read,
    other files counted. Derive from it: `one` reads a file."""

    senses: tuple[str, ...]
    extensions: tuple[str, ...]
    kind: str
    plural: str
    """What a file holds, in messages: "image", "pictures"."""
    faults: tuple[str, ...] = ()

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.where = str(root)
        if not self.root.is_dir():
            raise ValueError(f"{root}: no such folder of {self.plural}; check the path")
        found = [p for p in self.root.rglob("*") if p.is_file() or p.is_symlink()]
        seen = [p for p in found if not any(part.startswith(".") for part in p.relative_to(self.root).parts)]
        self.files = sorted(p for p in seen if p.suffix.lower() in self.extensions)
        if not self.files:
            raise ValueError(f"{root}: no {self.plural} in it; expected files that end in {', '.join(self.extensions)}")
        others = f"; {len(found) - len(self.files)} other files" if len(found) > len(self.files) else ""
        self.report = (f"{root}: {len(self.files)} {self.plural}{others}",)

    @property
    def num_rows(self) -> int:
        return len(self.files)

    @property
    def row_bytes(self) -> int:
        return 1 << 20

    def fingerprint(self) -> str:
        return fingerprint_of(self.root, self.files)

    def read(self, rows: range, senses: Sequence[str]) -> Rows:
        return read_each(rows, senses, lambda row: {self.senses[0]: self._row(row)})

    def one(self, path: Path) -> np.ndarray:
        """What the sense takes of one file; any exception where it cannot be read."""
        raise NotImplementedError

    def index(self, rows: range) -> dict[str, list[str]]:
        """file, its path below the folder; class, the first folder of it."""
        names = [self._name(row) for row in rows]
        return {"file": names, "class": [name.partition("/")[0] if "/" in name else "" for name in names]}

    def _row(self, row: int) -> np.ndarray:
        name = self._name(row)
        try:
            return self.one(inside(self.root, name))
        except Exception as error:
            raise ValueError(f"{name}: not a readable {self.kind} ({error})") from None

    def _name(self, row: int) -> str:
        return self.files[row].relative_to(self.root).as_posix()
