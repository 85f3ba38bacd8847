"""What the simulator hands to a sense (`smcrep.senses.Rendered`): v views of one state."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from smcrep.worlds.rendering.camera import Camera
from smcrep.worlds.rendering.clouds import partial_cloud
from smcrep.worlds.rendering.sensors import FIRST_OBJECT, Frames


@dataclass(frozen=True, eq=False)
class RenderedViews:
    """frames of v views with their cameras; T_camera_object float64 [v, 4, 4] of the object acted on, metres."""

    frames: Frames
    cameras: Sequence[Camera]
    T_camera_object: NDArray[np.float64]
    num_points: int
    seed: tuple[int, ...]  # of the state and of the sense

    @property
    def rng(self) -> np.random.Generator:
        """A stream of one sense's own: what it draws changes no other sense."""
        return self._stream

    @cached_property
    def _stream(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)  # made only where it is drawn from: most senses never do

    @property
    def rgb(self) -> NDArray[np.uint8]:
        return self.frames.rgb

    @property
    def depth(self) -> NDArray[np.float32]:
        return self.frames.depth

    @property
    def mask(self) -> NDArray[np.bool_]:
        return self.frames.segmentation == FIRST_OBJECT

    def cloud(self) -> NDArray[np.float32]:
        return partial_cloud(self.frames, self.cameras, self.num_points, self.rng)
