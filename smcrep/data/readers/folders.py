"""A folder of pictures, one folder for each class. Every file in it is a picture, or counted under why it is none."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from smcrep.data.readers.encoded import Pictures

EXTENSIONS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".avif"),
    *(".jp2", ".j2k", ".ppm", ".pgm", ".pbm", ".pnm"),
)
UNREAD = (
    *(".heic", ".heif", ".jxl", ".svg", ".psd", ".xcf", ".pdf", ".eps", ".exr", ".hdr", ".ico", ".tga", ".raw"),
    *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2"),
)
"""Pictures of formats that are not read: they are named by their ending."""
SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing", "dev"}


def open_folder(root: str | Path) -> Pictures:
    """``root/<class>/*.jpg`` and so on, also deeper: the first folder below ``root`` is the class. Classes and files
    are in alphabetic order; a class without a picture keeps its number. Linked folders are followed, once.

    ValueError where there is no picture, or where the folders below ``root`` are splits.
    """
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder of images; check the path")
    kept, skipped, num_deeper = list[Path](), Counter[str](), 0
    for path in _files(root, skipped):
        relative = path.relative_to(root)
        if why := _why_skipped(relative, path):
            skipped[why] += 1
        else:
            kept.append(path)
            num_deeper += len(relative.parts) > 2
    words = ", ".join(f"{number} {why}" for why, number in sorted(skipped.items()))
    if not kept:
        raise ValueError(
            f"{root}: no images in it; expected {root.resolve().name}/<class>/<name>.jpg (or {', '.join(EXTENSIONS)})"
            + (f"; skipped: {words}" if words else "")
        )
    classes = sorted({_plain(f.name) for f in root.iterdir() if f.is_dir() and not _is_hidden(f.name)})
    if {name.lower() for name in classes} <= SPLITS:
        raise ValueError(f"{root}: its folders are splits, not classes; give one of them, such as {root / classes[0]}")
    number = {name: i for i, name in enumerate(classes)}
    names = [path.relative_to(root) for path in kept]
    labels = np.array([number[_plain(name.parts[0])] for name in names])
    counts = np.bincount(labels, minlength=len(classes))
    report = [
        f"{root}: {len(kept)} pictures of {int((counts > 0).sum())} classes" + (f"; skipped: {words}" * bool(words))
    ]
    if num_deeper:
        report.append(f"{root}: {num_deeper} of them lie deeper; the first folder below {root} is their class")
    report += [
        f"{root}: class {classes[i]!r} has no picture; it keeps its number {i}" for i in np.flatnonzero(counts == 0)
    ]
    return Pictures(kept, labels, tuple(classes), str(root), tuple(map(Path.as_posix, names)), tuple(report))


def _files(root: Path, skipped: Counter[str]) -> Iterator[Path]:
    """Every file below ``root``, in order; a folder that is linked again is counted and not entered."""
    seen = set[Path]()
    for folder, folders, names in os.walk(root, followlinks=True):
        real = Path(folder).resolve()
        if real in seen:
            skipped["folders linked twice"] += 1
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield from (Path(folder) / name for name in sorted(names))


def _why_skipped(relative: Path, path: Path) -> str:
    ending = path.suffix.lower()
    if any(map(_is_hidden, relative.parts)):
        return "hidden"
    if ending in UNREAD:
        return f"{ending} (a format that is not read: convert them)"
    if ending not in EXTENSIONS:
        return "other files"
    if not path.is_file():
        return "broken links"
    return "in no class's folder" if len(relative.parts) == 1 else ""


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in ("__MACOSX", "@eaDir")


def _plain(name: str) -> str:
    """One spelling of accents: file systems differ in it, and the same class would be two."""
    return unicodedata.normalize("NFC", name)
