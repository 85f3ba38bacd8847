"""COIL-20 and COIL-100 (Nene, Nayar & Murase 1996): objects on a turntable, a picture every 5 degrees.

Files are named ``objO__V.png``, O from 1. In COIL-20 V counts the pictures, 0 to 71; in COIL-100 it is the angle, 0 to
355 degrees.
"""

import re
from pathlib import Path

import numpy as np

from smcrep.data.readers.encoded import Pictures
from smcrep.data.readers.repeats import copy_groups, repeats_report
from smcrep.data.readers.rotated_views import RotatedViews
from smcrep.geometry.rotations import axis_rotation

NAME = re.compile(r"obj(\d+)__(\d+)\.png")
STEP_DEG = 5


def open_coil20(root: str | Path, *, image_size: int, num_branches: int, seed: int) -> RotatedViews:
    """A folder of ``objO__V.png`` with V from 0 to 71."""
    return _open(Path(root), STEP_DEG, image_size, num_branches, seed)


def open_coil100(root: str | Path, *, image_size: int, num_branches: int, seed: int) -> RotatedViews:
    """A folder of ``objO__V.png`` with V in degrees, each a multiple of 5 from 0 to 355."""
    return _open(Path(root), 1, image_size, num_branches, seed)


def turntable_deg(rotation: np.ndarray) -> np.ndarray:
    """Angles [...] in [0, 360) of rotations [..., 3, 3] of these sets."""
    return np.degrees(np.arctan2(rotation[..., 0, 2], rotation[..., 0, 0])) % 360


def _open(root: Path, degrees_of_one: int, image_size: int, num_branches: int, seed: int) -> RotatedViews:
    """Pictures in the order of object and angle. The turn is about the picture's vertical axis (y, down), growing with
    the number: the authors' files say neither its sense nor how far the camera looks down."""
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder of COIL; check the path")
    pictures = sorted(p for p in root.iterdir() if p.suffix == ".png" and not p.name.startswith("."))
    named = {path: NAME.fullmatch(path.name) for path in pictures}
    rows = sorted((int(m[1]), int(m[2]) * degrees_of_one, path) for path, m in named.items() if m)
    if not rows:
        raise ValueError(f"{root}: no pictures objO__V.png in it; give the unpacked folder of COIL")
    if wrong := [(path, deg) for _, deg, path in rows if deg % STEP_DEG or deg >= 360]:
        kind = "COIL-20 counts to 71" if degrees_of_one == STEP_DEG else "COIL-100 has multiples of 5 below 360"
        raise ValueError(f"{wrong[0][0]}: {wrong[0][1]} degrees is no view of it ({kind}); open it as the other set")
    report = [f"{root}: {len(rows)} pictures of {len({o for o, _, _ in rows})} objects"]
    report += [f"{root}: {path.name} is not named objO__V.png; it is left out" for path, m in named.items() if not m]
    report += [f"{root}: {path.name} is empty; it is left out" for _, _, path in rows if not path.stat().st_size]
    rows = [row for row in rows if row[2].stat().st_size]
    if not rows:
        raise ValueError(f"{report[1]}; so are all its pictures")
    numbers = sorted({number for number, _, _ in rows})
    labels = np.array([numbers.index(number) for number, _, _ in rows], np.int64)
    files, names = [path for _, _, path in rows], tuple(path.name for _, _, path in rows)
    groups = copy_groups(path.read_bytes() for path in files)
    report += repeats_report(str(root), names, groups, np.zeros(len(files), bool))
    found = Pictures(files, labels, tuple(f"obj{n}" for n in numbers), str(root), names, tuple(report))
    rotation = axis_rotation("y", np.radians([deg for _, deg, _ in rows]))
    return RotatedViews(found, rotation, labels, image_size, num_branches, seed)
