"""A module as it is in evaluation mode, beside the module itself: other threads may train or use that one meanwhile."""

import copy
from typing import TypeVar

from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def evaluating(module: M) -> M:
    """``module`` in evaluation mode: itself where all of it is, else a copy that shares every parameter and buffer.

    The module is never switched: a mode that is set and put back is seen by whoever runs it in between.
    """
    if not any(part.training for part in module.modules()):
        return module
    # What deepcopy finds in its memo it takes as it stands. Plain attributes too: a layer may keep its last output.
    tensors = (
        value
        for part in module.modules()
        for value in (*part.parameters(recurse=False), *part.buffers(recurse=False), *vars(part).values())
        if isinstance(value, Tensor)
    )
    return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors}).eval()
