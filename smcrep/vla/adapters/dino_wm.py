"""DINO-WM's encoder (gaoyuezhou/dino_wm, `models/dino.py`, 2024): name, emb_dim, latent_ndim, patch_size."""

import torch
from torch import Tensor, nn

from smcrep.models.patches import PatchEncoder

MEAN = 0.5
"""Of its own pixel transform, for every channel: images arrive in [-1, 1]."""
STD = 0.5
"""Of the same."""


class DinoWMEncoder(nn.Module):
    """float32 [b, 3, h, w] in [-1, 1] -> [b, patches, emb_dim]; ``pooled``: the model's embedding as [b, 1, d].

    ``name`` must not contain "dino": its world model resizes images to 196 pixels for such names.
    """

    def __init__(self, encoder: PatchEncoder, *, pooled: bool = False, name: str = "smcrep") -> None:
        super().__init__()
        if "dino" in name:
            raise ValueError(f"DinoWMEncoder: name is {name!r}; leave 'dino' out, it resizes by that")
        self.name, self.encoder = name, encoder
        self.emb_dim = encoder.model.config.embed_dim if pooled else encoder.embed_dim
        self.latent_ndim = 1 if pooled else 2
        self.patch_size = encoder.patch_size

    def forward(self, x: Tensor) -> Tensor:
        pixels = (255 * (x * STD + MEAN)).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        if self.latent_ndim == 1:
            return self.encoder.forward_pooled(pixels)[:, None]
        return self.encoder.forward_patches(pixels)
