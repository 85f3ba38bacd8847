"""Maps of a whole picture are those of its tiles, each in its place."""

import pytest
import torch

from smcrep.hub import build_model
from smcrep.models.config import ModelConfig
from smcrep.models.model import SensorimotorModel
from smcrep.vla.picture_maps import MAX_SIDE, PictureMaps

SMALL = {"trunk_dim": 16, "invariant_dim": 8, "num_vectors": 1, "num_tensors": 1}


def model(**rgb: object) -> SensorimotorModel:
    torch.manual_seed(0)
    return build_model(ModelConfig(senses={"rgb": {"size": 32, **rgb}, "points": None}, **SMALL)).eval()


def pictures(b: int = 2) -> torch.Tensor:
    return torch.randint(0, 256, (b, 40, 60, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_every_tile_is_seen_by_itself_and_lies_in_its_place() -> None:
    own, images = model(), pictures()
    maps = PictureMaps(own, "rgb")(images)
    encoder = own.encoders["rgb"]
    for row in range(2):
        for column in range(2):
            tile = images[:, 20 * row : 20 * row + 20, 30 * column : 30 * column + 30]
            for whole, part in zip(maps, encoder.backbone(encoder.channels(tile)), strict=True):
                s = part.shape[-1]
                found = whole[:, :, s * row : s * row + s, s * column : s * column + s]
                torch.testing.assert_close(found, part)


@pytest.mark.parametrize("spatial", ["none", "small", "backbone"])
def test_timm_encoders_give_maps_of_every_depth(spatial: str) -> None:
    groups = {"frozen_groups": 2} if spatial == "backbone" else {}
    found = PictureMaps(model(encoder="test_resnet", spatial=spatial, backbone_size=32, **groups), "rgb")
    maps = found(pictures())
    assert tuple(m.shape[1] for m in maps) == found.num_channels
    sides = [m.shape[-1] for m in maps]
    assert sides == sorted(sides, reverse=True)
    assert len(set(sides)) >= 3
    assert not torch.allclose(maps[-1][0], maps[-1][1])


def test_maps_finer_than_wanted_are_left_out() -> None:
    sides = [m.shape[-1] for m in PictureMaps(model(size=128), "rgb")(pictures(1))]
    assert max(sides) <= MAX_SIDE
    assert [m.shape[-1] for m in PictureMaps(model(size=128), "rgb", tiles=10)(pictures(1))] == [MAX_SIDE]


def test_training_mode_is_neither_used_nor_changed() -> None:
    own, images = model(encoder="test_resnet"), pictures()
    wanted = PictureMaps(own, "rgb")(images)
    own.train()
    found = PictureMaps(own, "rgb")(images)
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    assert own.encoders["rgb"].training


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="no sense 'touch'; this model has rgb, points"):
        PictureMaps(model(), "touch")
    with pytest.raises(ValueError, match="'points' is no image"):
        PictureMaps(model(), "points")
    with pytest.raises(ValueError, match="40 x 60 pixels cannot be cut into 7 x 7"):
        PictureMaps(model(), "rgb", tiles=7)(pictures())
