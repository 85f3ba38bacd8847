"""The baseline that geometry gives for nothing: the sensed cloud, moved as commanded, against the clouds of the
outcomes.

An embedding of rigid motions has to be better than this, or to do what this cannot: other senses, missing senses,
pushes, physics, or a few numbers instead of a cloud.
"""

import numpy as np
from torch import Tensor

from smcrep.geometry.action import apply
from smcrep.geometry.points import chamfer
from smcrep.probes.inputs import finite


def moved_cloud_scores(before: Tensor, motion: Tensor, after: Tensor, *, share: float = 1.0) -> np.ndarray:
    """float64 [s, k, k]: minus the Chamfer distance (``share``: see `chamfer`) of the cloud before [s, n, 3], moved by
    ``motion`` [s, k, 4, 4] of action i, to the cloud after [s, k, n, 3] action j; metres, camera frame. Nothing is
    learned."""
    if after.shape[:2] != motion.shape[:2] or before.shape[:1] != motion.shape[:1]:
        raise ValueError(
            f"moved_cloud: clouds {list(before.shape)} and {list(after.shape)}, motions {list(motion.shape)}; give "
            "[s, n, 3], [s, k, n, 3] and [s, k, 4, 4]"
        )
    finite("moved_cloud", before=before.numpy(), motion=motion.numpy(), after=after.numpy())
    found = []
    for cloud, moves, outcomes in zip(before, motion, after, strict=True):
        moved = apply(moves[:, None], cloud[None])
        found.append(-chamfer(moved[:, None], outcomes[None], share=share).double().numpy())
    return np.stack(found)
