"""Depth maps that LeRobot (0.6) keeps as video: codes of 12 bits, linear or logarithmic in depth.

    code = round(4095 (f(z) - f(z_min)) / (f(z_max) - f(z_min))),  f(z) = log(z + shift), or z where ``use_log`` is off

(lerobot 0.6.1, ``datasets/depth_utils.py: quantize_depth``; its defaults are ours). A pixel that read nothing has depth
0 and so code 0: code 0 becomes 0 again, where LeRobot returns z_min.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from smcrep.data.readers.video import Video

LARGEST_CODE = 4095
DEFAULTS = {"depth_min": 0.01, "depth_max": 10.0, "shift": 3.5, "use_log": True}
PIXEL_FORMAT = "gray12le"


def metres(video: Video, time_s: float, tolerance_s: float, note: Callable[[str], Any]) -> np.ndarray:
    """float32 [h, w] metres along z, 0 where nothing was read; ``note`` gives what the metadata say of a name of
    `DEFAULTS`, or None."""
    known = {name: default if note(name) is None else note(name) for name, default in DEFAULTS.items()}
    codes = video.at(time_s, tolerance_s, PIXEL_FORMAT)
    return depth_of_codes(codes, **known)


def depth_of_codes(codes: np.ndarray, *, depth_min: float, depth_max: float, shift: float, use_log: bool) -> np.ndarray:
    """float32 metres of integer codes; 0 for code 0. ValueError where the parameters cannot be of that encoding."""
    low, high = float(depth_min), float(depth_max)
    if not (math.isfinite(high) and high > low and (not use_log or low + shift > 0)):
        raise ValueError(f"depth from {low} to {high} m with shift {shift} is no encoding of depth; correct info.json")
    share = np.minimum(codes, LARGEST_CODE).astype(np.float32) / LARGEST_CODE
    if use_log:
        first, last = math.log(low + shift), math.log(high + shift)
        depth = np.exp(share * (last - first) + first) - shift
    else:
        depth = share * (high - low) + low
    return np.where(codes > 0, depth, 0).astype(np.float32)
