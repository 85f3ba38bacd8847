"""The files that a mesh names: found however they are spelt, below the folder that the user gave and nowhere else."""

import io
import os
import re
import unicodedata
import warnings
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from PIL import Image

from smcrep.worlds.objects import mesh_checks


@dataclass(frozen=True)
class Beside:
    """The surroundings of one mesh.

    folders  where names begin: the folder of the mesh; where the mesh is a link, that of the file itself, too
    root     the folder that names must not leave
    """

    folders: tuple[Path, ...]
    root: Path
    pictures: dict[tuple[Path, float], np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path, root: Path | None = None) -> "Beside":
        """The surroundings of the mesh file ``path``; ``root`` None is its own folder."""
        folder = Path(os.path.abspath(path.parent))
        real = Path(os.path.realpath(path)).parent
        linked = path.is_symlink() and real != folder
        return cls((folder, real) if linked else (folder,), Path(os.path.abspath(root)) if root else folder)

    def find(self, name: str, kind: str) -> Path:
        """The file called ``name``: as it stands, without quotes, with slashes for backslashes, with %20 for a blank,
        in another case of letters. ValueError where it is missing, or lies outside of the root; links are followed
        wherever they lead, as the user made them."""
        for folder in self.folders:
            root = self.root if folder == self.folders[0] else folder
            for spelling in _spellings(name):
                file = os.path.normpath(os.path.join(folder, spelling))
                if os.path.commonpath([root, file]) == str(root) and (found := _present(Path(file), root)):
                    return found
        file = self.refuse_outside(name, kind)
        raise ValueError(f"names the {kind} {Path(file).name}, which is missing; put it at {file}")

    def refuse_outside(self, name: str, kind: str) -> str:
        """Where the file ``name`` would lie; ValueError where that is outside of the root. None is opened."""
        shown = name.strip().strip("\"'")
        file = os.path.normpath(os.path.join(self.folders[0], re.sub(r"[\\/]+", "/", shown)))
        absolute = re.match(r"[A-Za-z]:|[\\/]", shown)
        if absolute or os.path.commonpath([self.root, file]) != str(self.root):
            raise ValueError(
                f"names the {kind} {shown}, outside of its folder; copy it beside the mesh and name that"
                + (", without a path" if absolute else ", or load the folder that holds both")
            )
        return file

    def picture(self, name: str, hole_below: float = 0.5) -> np.ndarray:
        """`pixels` of the texture ``name``, each file decoded once."""
        file = self.find(name, "texture")
        if (file, hole_below) not in self.pictures:
            self.pictures[file, hole_below] = pixels(open_image(file, file.name), hole_below)
        return self.pictures[file, hole_below]


def _spellings(name: str) -> list[str]:
    bare = name.strip().strip("\"'").strip()
    slashed = re.sub(r"[\\/]+", "/", bare)
    found = [name, bare, slashed, unquote(bare), unquote(slashed)]
    if " #" in bare:  # a comment behind the name
        found += _spellings(bare.partition(" #")[0])
    return [spelling for spelling in dict.fromkeys(found) if spelling]


def _present(file: Path, root: Path) -> Path | None:
    """The file, or the only one whose path below the root differs in the case of its letters alone."""
    if mesh_checks.is_file(file):
        return file
    at = root
    for part in file.relative_to(root).parts:
        try:
            same = [entry for entry in os.listdir(at) if _folded(entry) == _folded(part)]
        except OSError:
            return None
        exact = [entry for entry in same if entry == part]
        if len(exact or same) != 1:
            return None
        at = at / (exact or same)[0]
    return at if mesh_checks.is_file(at) else None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def open_image(source: Path | io.BytesIO, name: str) -> Image.Image:
    """The decoded image; ValueError where it is none, or too large, or of unknown range."""
    limit = mesh_checks.MAX_TEXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns above its own, larger bound
            with Image.open(source) as image:
                size, mode = image.size, image.mode
                if prod(size) <= limit and mode != "F":
                    image.load()
    except Image.DecompressionBombError:
        raise ValueError(f"names the texture {name}, which is larger than {limit} texels; shrink it") from None
    except Exception as error:  # Pillow raises many kinds for a corrupt image
        raise ValueError(f"names the texture {name}, which is no readable image; replace it") from error
    if prod(size) > limit:
        raise ValueError(f"names the texture {name} of {size[0]} x {size[1]} texels (limit {limit}); shrink it")
    if mode == "F":
        raise ValueError(f"names the texture {name}, floating-point pixels of unknown range; save it with 8 bits")
    return image


def pixels(image: Image.Image, hole_below: float = 0.5) -> np.ndarray:
    """uint8 [h, w, 3] of an image of any mode but floating point; 16-bit grey keeps its upper byte. [h, w, 4] where
    opacity is below ``hole_below`` (0 to 1) somewhere: the last channel is 0 there and 255 elsewhere."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image, np.uint32) >> 8).astype(np.uint8))
    has_alpha = "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La")
    if not has_alpha or hole_below <= 0:
        return np.array(image.convert("RGB"))
    rgba = np.array(image.convert("RGBA"))
    rgba[..., 3] = np.where(rgba[..., 3] < 255 * hole_below, 0, 255)
    return rgba if not rgba[..., 3].all() else np.array(image.convert("RGB"))
