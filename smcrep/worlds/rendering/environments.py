"""Environments by name: training and test families are disjoint, and some differ from training in one factor alone."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from smcrep.worlds.rendering.backdrops import Palette
from smcrep.worlds.rendering.environment import BackgroundFamily, CameraFamily, Environment, LightFamily
from smcrep.worlds.rendering.noise import SensorNoise

_WHITE = Palette((0, 1), (0, 0.06), (0.95, 1))

_ANY = Palette((0, 1), (0, 0.9), (0.1, 1))
_TINTED = Palette((0, 1), (0, 0.3), (0.9, 1))
_WIDE_CAMERA = CameraFamily((25, 53), (29, 51), (0.74, 0.92))

_TRAIN = (
    Environment(
        "studio",
        LightFamily((50, 75), (0.7, 0.9), _WHITE, (0.4, 0.5), _WHITE, (0.05, 0.2)),
        BackgroundFamily(
            "gradient", Palette((0, 1), (0, 0.25), (0.6, 0.95)), "plain", Palette((0, 1), (0, 0.2), (0.6, 0.9))
        ),
        CameraFamily((30, 50), (34, 42), (0.8, 0.92)),
        (0, 0),
        SensorNoise(0.0002, 0.001, 0.0, 0.0, 0.008),
    ),
    Environment(
        "kitchen",
        LightFamily(
            (45, 70),
            (0.7, 0.95),
            Palette((0.07, 0.12), (0.1, 0.3), (0.95, 1)),
            (0.3, 0.45),
            Palette((0.08, 0.14), (0, 0.2), (0.9, 1)),
            (0.05, 0.25),
        ),
        BackgroundFamily(
            "tiles",
            Palette((0.05, 0.55), (0.05, 0.3), (0.65, 0.95)),
            "wood",
            Palette((0.05, 0.1), (0.35, 0.6), (0.5, 0.8)),
        ),
        CameraFamily((28, 48), (36, 46), (0.78, 0.9)),
        (0, 1),
        SensorNoise(0.0003, 0.0015, 0.0, 0.005, 0.012),
    ),
    Environment(
        "workshop",
        LightFamily(
            (40, 65),
            (0.75, 1.0),
            Palette((0.5, 0.6), (0.02, 0.12), (0.9, 1)),
            (0.25, 0.4),
            Palette((0.5, 0.6), (0, 0.1), (0.9, 1)),
        ),
        BackgroundFamily(
            "noise", Palette((0.02, 0.12), (0.1, 0.45), (0.4, 0.8)), "marble", Palette((0, 1), (0, 0.15), (0.45, 0.75))
        ),
        CameraFamily((32, 52), (32, 40), (0.76, 0.9)),
        (0, 1),
        SensorNoise(0.0004, 0.0015, 0.0005, 0.01, 0.015),
    ),
    Environment(
        "garden",
        LightFamily(
            (40, 70),
            (0.9, 1.15),
            Palette((0.1, 0.14), (0.05, 0.2), (1, 1)),
            (0.35, 0.5),
            Palette((0.55, 0.62), (0.1, 0.3), (0.9, 1)),
        ),
        BackgroundFamily(
            "blobs",
            Palette((0.2, 0.42), (0.3, 0.8), (0.25, 0.9)),
            "grass",
            Palette((0.2, 0.32), (0.4, 0.7), (0.4, 0.7)),
            (0.35, 0.6),
        ),
        CameraFamily((25, 45), (38, 46), (0.75, 0.88)),
        (0, 1),
        SensorNoise(0.0003, 0.002, 0.0, 0.005, 0.01),
    ),
    # Wide ranges of colours, so that models generalise to unseen light and ground.
    Environment(
        "bazaar",
        LightFamily((40, 75), (0.6, 1.2), _TINTED, (0.25, 0.5), _TINTED, (0, 0.3)),
        BackgroundFamily("mosaic", _ANY, "marble", _ANY, (0.3, 0.9)),
        _WIDE_CAMERA,
        (0, 1),
        SensorNoise(0.0004, 0.0015, 0.0005, 0.015, 0.02, 0.2),
    ),
    Environment(
        "dusk",
        LightFamily((40, 75), (0.5, 0.9), _TINTED, (0.2, 0.35), _TINTED, (0, 0.3)),
        BackgroundFamily("gradient", Palette((0, 1), (0, 0.8), (0.05, 0.7)), "plain", _ANY, (0.3, 0.9)),
        _WIDE_CAMERA,
        (0, 1),
        SensorNoise(0.0004, 0.002, 0.0005, 0.015, 0.025, 0.3),
    ),
    Environment(
        "nursery",
        LightFamily((40, 75), (0.7, 1.3), _TINTED, (0.3, 0.5), _TINTED, (0, 0.2)),
        BackgroundFamily("blobs", _ANY, "wood", _ANY, (0.3, 0.9)),
        _WIDE_CAMERA,
        (0, 1),
        SensorNoise(0.0003, 0.002, 0.0, 0.01, 0.015, 0.2),
    ),
    Environment(
        "cellar",
        LightFamily((40, 75), (0.5, 1.1), _TINTED, (0.2, 0.4), _TINTED, (0, 0.3)),
        BackgroundFamily("noise", _ANY, "grass", _ANY, (0.3, 0.9)),
        _WIDE_CAMERA,
        (0, 1),
        SensorNoise(0.0005, 0.002, 0.0005, 0.02, 0.02, 0.3),
    ),
)

_TEST = (
    Environment(
        "night",
        LightFamily(
            (25, 38),
            (0.7, 1.0),
            Palette((0.6, 0.68), (0.3, 0.55), (0.9, 1)),
            (0.2, 0.3),
            Palette((0.62, 0.72), (0.3, 0.5), (0.8, 1)),
            (0.2, 0.4),
        ),
        BackgroundFamily(
            "bokeh",
            Palette((0, 1), (0.3, 0.8), (0.04, 0.15)),
            "speckle",
            Palette((0.55, 0.75), (0.1, 0.4), (0.35, 0.55)),
        ),
        CameraFamily((54, 60), (34, 40), (0.75, 0.88)),
        (2, 2),
        SensorNoise(0.0006, 0.003, 0.0005, 0.02, 0.04, 0.5),
    ),
    Environment(
        "glare",
        LightFamily((22, 38), (1.3, 1.8), Palette((0.1, 0.16), (0, 0.1), (1, 1)), (0.15, 0.3), _WHITE, (0.4, 0.8)),
        BackgroundFamily(
            "stripes",
            Palette((0.08, 0.16), (0, 0.2), (0.85, 1)),
            "rings",
            Palette((0, 1), (0, 0.1), (0.6, 0.85)),
            (0.8, 0.95),
        ),
        CameraFamily((20, 24), (34, 42), (0.76, 0.9)),
        (2, 3),
        SensorNoise(0.0005, 0.002, 0.0, 0.05, 0.012, 0.6),
    ),
    Environment(
        "stage",
        LightFamily(
            (76, 86),
            (0.9, 1.3),
            Palette((0, 1), (0.35, 0.6), (1, 1)),
            (0.2, 0.3),
            Palette((0, 1), (0.3, 0.6), (0.9, 1)),
            (0.1, 0.3),
        ),
        BackgroundFamily(
            "patchwork",
            Palette((0, 1), (0.6, 0.95), (0.3, 0.9)),
            "checker",
            Palette((0, 1), (0.1, 0.5), (0.5, 0.9)),
            (0.2, 0.4),
        ),
        CameraFamily((30, 50), (52, 60), (0.75, 0.88)),
        (2, 2),
        SensorNoise(0.0005, 0.002, 0.001, 0.02, 0.02, 0.4),
    ),
    Environment(
        "warehouse",
        LightFamily(
            (30, 39),
            (0.8, 1.1),
            Palette((0.05, 0.09), (0.3, 0.5), (0.95, 1)),
            (0.25, 0.35),
            Palette((0.08, 0.2), (0.15, 0.35), (0.8, 1)),
        ),
        BackgroundFamily(
            "shelves",
            Palette((0.02, 0.7), (0.3, 0.7), (0.3, 0.75)),
            "planks",
            Palette((0.04, 0.1), (0.2, 0.45), (0.45, 0.65)),
        ),
        CameraFamily((30, 50), (20, 28), (0.74, 0.88)),
        (2, 3),
        SensorNoise(0.0008, 0.003, 0.001, 0.03, 0.025, 0.5),
    ),
)

_BASE = _TRAIN[1]
_NIGHT, _GLARE, _STAGE, _WAREHOUSE = _TEST

_FACTORS = (
    replace(_BASE, name="only_light", light=_STAGE.light),
    replace(_BASE, name="only_background", background=_WAREHOUSE.background),
    replace(_BASE, name="only_camera", camera=_NIGHT.camera),
    replace(_BASE, name="only_clutter", clutter=_WAREHOUSE.clutter),
    replace(_BASE, name="only_noise", noise=_NIGHT.noise),
)

ENVIRONMENTS: dict[str, Environment] = {e.name: e for e in (*_TRAIN, *_TEST, *_FACTORS)}

TRAIN_ENVIRONMENTS: tuple[str, ...] = tuple(e.name for e in _TRAIN)

TEST_ENVIRONMENTS: tuple[str, ...] = tuple(e.name for e in _TEST)
"""Each factor of each of these differs from that of every training environment: the lamp's elevation, the kind of
background and the table's pattern, the camera's elevation or field of view, the number of other objects, the noise."""

FACTOR_ENVIRONMENTS: tuple[str, ...] = tuple(e.name for e in _FACTORS)
"""The training environment "kitchen" with one factor taken from a test environment."""


def noisiest_depth_sigma(names: Sequence[str], depth: np.ndarray) -> np.ndarray:
    """Standard deviation in metres of the reading of each depth [...], in the noisiest of these environments."""
    return np.max([ENVIRONMENTS[name].noise.depth_sigma(depth) for name in names], 0)
