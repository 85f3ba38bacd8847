"""robomimic's encoder core (0.5.0, `robomimic/models/obs_core.py`): a class with ``output_shape`` and ``forward``."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from smcrep.models.patches import PatchEncoder


def encoder_core(base: type, encoder: PatchEncoder) -> type:
    """A subclass of robomimic's ``EncoderCore`` (``base``, handed in, so that robomimic is not needed here) around one
    frozen encoder; robomimic registers it under its class name, and a configuration names it as ``core_class``.

    base's ``__init__`` takes ``input_shape`` (channels, height, width).
    """

    class SmcrepCore(base):
        def __init__(self, input_shape: Sequence[int], **ignored: object) -> None:
            super().__init__(input_shape=input_shape)
            if len(input_shape) != 3 or input_shape[0] != 3:
                raise ValueError(f"SmcrepCore: input_shape is {list(input_shape)}; give images (3, height, width)")
            self.nets = nn.ModuleDict({"encoder": encoder})

        def output_shape(self, input_shape: Sequence[int] | None = None) -> list[int]:
            """[d] of one embedding, whatever the size of the images."""
            return [encoder.model.config.embed_dim]

        def forward(self, inputs: Tensor) -> Tensor:
            """float32 [b, 3, h, w] in [0, 1], as robomimic's ``process_obs`` leaves images -> [b, d]."""
            pixels = (inputs * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
            return encoder.forward_pooled(pixels)

    return SmcrepCore
