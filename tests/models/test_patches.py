"""Patches: the map that the model reads, place by place, from the top left; gradients flow."""

import pytest
import torch

from smcrep.hub import build_model
from smcrep.models.config import ModelConfig
from smcrep.models.model import SensorimotorModel
from smcrep.models.patches import PatchEncoder

SMALL = {"trunk_dim": 16, "invariant_dim": 8, "num_vectors": 1, "num_tensors": 1}


def model(**rgb: object) -> SensorimotorModel:
    return build_model(ModelConfig(senses={"rgb": {"size": 32, **rgb}, "points": None}, **SMALL)).eval()


def pictures(b: int = 3) -> torch.Tensor:
    return torch.randint(0, 256, (b, 40, 40, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_patches_are_the_deepest_map_row_by_row() -> None:
    own, images = model(), pictures()
    encoder = PatchEncoder(own, "rgb")
    maps = own.encoders["rgb"].backbone(own.encoders["rgb"].channels(images))[-1]
    patches = encoder.forward_patches(images)
    assert patches.shape == (3, encoder.num_patches, encoder.embed_dim)
    for row in range(encoder.grid[0]):
        for column in range(encoder.grid[1]):
            assert torch.equal(patches[:, row * encoder.grid[1] + column], maps[:, :, row, column])
    assert (encoder.grid, encoder.patch_size, encoder.image_size) == ((8, 8), 4, 32)


def test_a_patch_sees_where_it_lies() -> None:
    """A change at the top right of the picture moves the patch there most."""
    encoder, images = PatchEncoder(model(), "rgb"), pictures(1)
    changed = images.clone()
    changed[:, :10, 30:] = 255 - changed[:, :10, 30:]
    moved = (encoder(changed) - encoder(images)).norm(dim=-1).view(8, 8)
    row, column = divmod(int(moved.argmax()), 8)
    assert row <= 2
    assert column >= 5


@pytest.mark.parametrize("spatial", ["none", "small"])
def test_timm_encoders_give_patches_too(spatial: str) -> None:
    encoder = PatchEncoder(model(encoder="test_resnet", spatial=spatial, backbone_size=32), "rgb")
    patches = encoder(pictures())
    assert patches.shape == (3, encoder.num_patches, encoder.embed_dim)
    assert not torch.allclose(patches[0], patches[1])


def test_pooled_is_what_embed_gives_of_that_sense_and_gradients_flow() -> None:
    own, images = model(), pictures()
    encoder = PatchEncoder(own, "rgb")
    assert torch.allclose(encoder.forward_pooled(images), own.embed(rgb=images).senses["rgb"], atol=1e-6)
    (encoder(images).square().mean() + encoder.forward_pooled(images)[:, 0].sum()).backward()
    assert own.encoders["rgb"].backbone.stages[0][0].weight.grad.abs().sum() > 0


def test_the_mode_of_the_model_stays() -> None:
    own = model().train()
    PatchEncoder(own, "rgb")
    assert all(part.training for part in own.encoders["rgb"].modules())


def test_senses_without_patches_are_refused() -> None:
    with pytest.raises(ValueError, match="'points' is no image"):
        PatchEncoder(model(), "points")
    with pytest.raises(ValueError, match="no sense 'sound'"):
        PatchEncoder(model(), "sound")
