"""A model's encoder of images as others take vision in: one vector for each patch."""

import torch
from torch import Tensor, nn

from smcrep.encoders import SpatialEncoder, TwoStreamEncoder
from smcrep.encoders.trunk import dtype_of
from smcrep.models.evaluating import evaluating
from smcrep.models.model import SensorimotorModel
from smcrep.transition import Senses


class PatchEncoder(nn.Module):
    """Images of one sense [b, ...], as its record says -> [b, num_patches, embed_dim]: the deepest map that the model
    reads, row by row from the top left.

    embed_dim    channels of the map.
    num_patches  places of the map, ``grid[0] * grid[1]``.
    patch_size   pixels of the resized image along a side of a place; ``image_size`` of them make the image.
    """

    def __init__(self, model: SensorimotorModel, sense: str) -> None:
        super().__init__()
        if sense not in model.encoders:
            raise ValueError(f"PatchEncoder: no sense {sense!r}; this model has {', '.join(model.config.names)}")
        encoder = model.encoders[sense]
        if not isinstance(encoder, SpatialEncoder | TwoStreamEncoder):
            raise ValueError(f"PatchEncoder: {sense!r} is no image ({type(encoder).__name__}); choose a sense that is")
        self.model, self.sense = model, sense
        self.image_size: int = encoder.channels.size  # type: ignore[assignment]
        channels: int = encoder.channels.num_channels  # type: ignore[assignment]
        with torch.no_grad():
            example = torch.zeros(1, channels, self.image_size, self.image_size, device=model.device)
            maps = evaluating(encoder.backbone)(example.to(dtype_of(encoder.invariant)))[-1]
        self.embed_dim = int(maps.shape[1])
        self.grid = (int(maps.shape[2]), int(maps.shape[3]))
        self.num_patches = self.grid[0] * self.grid[1]
        self.patch_size = self.image_size // self.grid[0]

    def forward_patches(self, images: Tensor) -> Tensor:
        """[b, num_patches, embed_dim]; gradients flow."""
        encoder = self.model.encoders[self.sense]
        if isinstance(encoder, TwoStreamEncoder):
            maps = encoder.backbone.rest(encoder.frozen(images))[-1]
        else:
            assert isinstance(encoder, SpatialEncoder)
            maps = encoder.backbone(encoder.channels(images).to(dtype_of(encoder.invariant)))[-1]
        return maps.flatten(2).mT

    def forward_pooled(self, images: Tensor) -> Tensor:
        """[b, d]: the model's embedding of this sense alone; gradients flow."""
        return self.model(Senses.all_present({self.sense: images})).senses[self.sense]

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_patches(images)
