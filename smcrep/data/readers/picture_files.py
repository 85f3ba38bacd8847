"""A folder of pictures, in any folders below it, as a source of observations."""

from pathlib import Path

import numpy as np

from smcrep.data.readers.file_rows import FileRows
from smcrep.data.readers.folders import EXTENSIONS
from smcrep.senses.pictures import rgb_image


class PictureFiles(FileRows):
    """Every picture below ``root``."""

    senses = ("rgb",)
    extensions = EXTENSIONS
    kind, plural = "image", "pictures"

    def one(self, path: Path) -> np.ndarray:
        return np.array(rgb_image(path))
