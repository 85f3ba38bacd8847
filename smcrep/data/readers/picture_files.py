"""A folder of pictures, in any folders below it, as a source of observations."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from smcrep.data.readers.folders import EXTENSIONS
from smcrep.data.readers.source import Rows, fingerprint_of, inside, read_each
from smcrep.senses.pictures import rgb_image


class PictureFiles:
    """Every picture below ``root`` in alphabetic order of its path. Hidden files are not read, other files counted."""

    senses = ("rgb",)
    faults: tuple[str, ...] = ()

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.where = str(root)
        if not self.root.is_dir():
            raise ValueError(f"{root}: no such folder of images; check the path")
        found = [p for p in self.root.rglob("*") if p.is_file() or p.is_symlink()]
        seen = [p for p in found if not any(part.startswith(".") for part in p.relative_to(self.root).parts)]
        self.files = sorted(p for p in seen if p.suffix.lower() in EXTENSIONS)
        if not self.files:
            raise ValueError(f"{root}: no images in it; expected files that end in {', '.join(EXTENSIONS)}")
        others = f"; {len(found) - len(self.files)} other files" if len(found) > len(self.files) else ""
        self.report = (f"{root}: {len(self.files)} pictures{others}",)

    @property
    def num_rows(self) -> int:
        return len(self.files)

    @property
    def row_bytes(self) -> int:
        return 1 << 20

    def fingerprint(self) -> str:
        return fingerprint_of(self.root, self.files)

    def read(self, rows: range, senses: Sequence[str]) -> Rows:
        return read_each(rows, senses, lambda row: {"rgb": self._picture(row)})

    def _picture(self, row: int) -> np.ndarray:
        name = self._name(row)
        try:
            return np.array(rgb_image(inside(self.root, name)))
        except Exception as error:
            raise ValueError(f"{name}: not a readable image ({error})") from None

    def index(self, rows: range) -> dict[str, list[str]]:
        """file, its path below the folder; class, the first folder of it."""
        names = [self._name(row) for row in rows]
        return {"file": names, "class": [name.partition("/")[0] if "/" in name else "" for name in names]}

    def _name(self, row: int) -> str:
        return self.files[row].relative_to(self.root).as_posix()
