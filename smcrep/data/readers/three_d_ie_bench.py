"""3DIEBench (Garrido, Najman & LeCun 2023, arXiv:2302.10283): 50 views of each object, orientation and light known.

``ROOT/SYNSET/OBJECT/image_I.jpg`` and ``latent_I.npy``, I from 0 to 49. Seven numbers are in a latent, whatever its
authors' page says of nine: Euler angles about fixed x, y and z, hue of the floor, theta and phi of the light, its hue.
Its pictures were saved with red and blue exchanged; they are given as they lie on disk, as published results are of
those. `true_colours` exchanges them back, which hues of latents then fit.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from smcrep.data.readers.encoded import Pictures
from smcrep.data.readers.repeats import copy_groups, repeats_report
from smcrep.data.readers.rotated_views import RotatedViews
from smcrep.data.readers.source import one_line
from smcrep.geometry.rotations import euler_to_rotation

NUM_LATENTS = 7
LATENT_BYTES = 4096
"""Of a file of seven numbers at most; it has 184."""
VIEWS = 50


def open_3diebench(
    root: str | Path, objects: Sequence[str] | None = None, *, image_size: int, num_branches: int, seed: int
) -> RotatedViews:
    """All objects below ``root``, or ``objects`` (SYNSET/OBJECT each: splits are by object). A view whose picture is
    missing or empty, or whose latent is not seven finite numbers, is left out and has its line in ``pictures.report``;
    so are copies of pictures. An object with too few views left is refused by name.

    Latents are read at once: some 3 minutes for all 2.6 million of them.
    """
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder of 3DIEBench; check the path")
    folders = (
        sorted(p for p in root.glob("*/*") if p.is_dir()) if objects is None else [root / name for name in objects]
    )
    missing = [p for p in folders if not p.is_dir()] if folders else [root / "SYNSET/OBJECT"]
    if missing:
        raise ValueError(f"{missing[0]}: no such object of 3DIEBench; expected image_0.jpg and latent_0.npy in it")
    paths, latents, owners, faults = list[Path](), list[np.ndarray](), list[int](), list[str]()
    for number, folder in enumerate(folders):
        for view in range(VIEWS):
            try:
                latent, image = read_latent(folder / f"latent_{view}.npy"), folder / f"image_{view}.jpg"
                if not image.is_file() or not image.stat().st_size:
                    raise ValueError(f"{image}: no picture, or an empty one; unpack it again")
            except ValueError as error:
                faults.append(f"left out: {error}")
                continue
            paths.append(image)
            latents.append(latent)
            owners.append(number)
    if not paths:
        raise ValueError(f"{faults[0]}; so were all {len(faults)} views")
    classes = tuple(sorted({folder.parent.name for folder in folders}))
    labels = np.array([classes.index(path.parent.parent.name) for path in paths], np.int64)
    names = tuple(path.relative_to(root).as_posix() for path in paths)
    report = (f"{root}: {len(paths)} views of {len(set(owners))} objects, {len(classes)} classes", *faults)
    pictures = Pictures(paths, labels, classes, str(root), names, report + _copies(root, paths, names))
    rotation = np.array([euler_to_rotation(latent[:3]) for latent in latents])
    return RotatedViews(pictures, rotation, np.array(owners, np.int64), image_size, num_branches, seed)


def read_latent(path: Path) -> np.ndarray:
    """float64 [7] of one view: Euler angles x, y, z in radians, floor hue, light theta, light phi, light hue."""
    if not path.is_file():
        raise ValueError(f"{path}: no latent; unpack it again")
    if (size := path.stat().st_size) > LATENT_BYTES:
        raise ValueError(f"{path}: {size} bytes are no latent; unpack it again")
    try:
        latent = np.load(path, allow_pickle=False)
    except Exception as error:  # numpy raises many kinds for damaged bytes
        raise ValueError(f"{path}: not a latent ({one_line(error)}); unpack it again") from None
    if latent.shape != (NUM_LATENTS,) or latent.dtype.kind != "f":
        raise ValueError(f"{path}: a latent of {latent.dtype} {list(latent.shape)}, not 7 numbers; unpack it again")
    if not np.isfinite(latent).all():
        raise ValueError(f"{path}: a latent that is not finite; unpack it again")
    return latent.astype(np.float64)


def relative_quaternion(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """float64 [..., 4], x y z w: R_before^-1 R_after of latents [..., 7], the target of published probes. It is about
    the axes of the object, not fixed ones, and its sign is scipy's: q and -q are one rotation."""
    from scipy.spatial.transform import Rotation

    first, second = (Rotation.from_euler("xyz", x[..., :3].reshape(-1, 3)) for x in (before, after))
    return (first.inv() * second).as_quat().reshape(*before.shape[:-1], 4)


def true_colours(rgb: np.ndarray) -> np.ndarray:
    """Pictures [..., 3] as on disk with red and blue exchanged."""
    return rgb[..., ::-1]


def _copies(root: Path, paths: Sequence[Path], names: Sequence[str]) -> tuple[str, ...]:
    """A line where pictures are equal; only those of equal size are read."""
    sizes = np.array([path.stat().st_size for path in paths])
    values, counts = np.unique(sizes, return_counts=True)
    rows = np.flatnonzero(np.isin(sizes, values[counts > 1])).tolist()
    groups = copy_groups(paths[row].read_bytes() for row in rows)
    return repeats_report(str(root), [names[row] for row in rows], groups, np.zeros(len(rows), bool))
