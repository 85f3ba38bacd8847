"""Each adapter against a stub of the interface that it serves, as its documentation has it."""

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from smcrep.hub import build_model
from smcrep.models.config import ModelConfig
from smcrep.models.model import SensorimotorModel
from smcrep.models.patches import PatchEncoder
from smcrep.vla.adapters.dino_wm import DinoWMEncoder
from smcrep.vla.adapters.dp3 import DP3Encoder
from smcrep.vla.adapters.openvla import OpenVLABackbone
from smcrep.vla.adapters.robomimic import encoder_core


def model() -> SensorimotorModel:
    senses = {"rgb": {"size": 32, "std": (0.2, 0.3, 0.4)}, "points": None}  # scales that no default would give
    config = ModelConfig(senses=senses, trunk_dim=16, invariant_dim=8, num_vectors=1, num_tensors=1)
    return build_model(config).eval()


@pytest.fixture
def encoder() -> PatchEncoder:
    return PatchEncoder(model(), "rgb")


def pictures(b: int = 2) -> torch.Tensor:
    return torch.randint(0, 256, (b, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


class VisionBackbone(ABC):
    """prismatic's, its abstract names alone (base_vision.py)."""

    @abstractmethod
    def get_fsdp_wrapping_policy(self): ...
    @abstractmethod
    def forward(self, pixel_values): ...
    @property
    @abstractmethod
    def default_image_resolution(self): ...
    @property
    @abstractmethod
    def embed_dim(self): ...
    @property
    @abstractmethod
    def num_patches(self): ...
    @property
    @abstractmethod
    def half_precision_dtype(self): ...


def test_openvla_backbone_has_every_name_and_sees_the_picture(encoder: PatchEncoder) -> None:
    backbone = OpenVLABackbone(encoder)
    for name in VisionBackbone.__abstractmethods__ | {"identifier", "image_transform"}:
        assert hasattr(backbone, name), name
    images = [Image.fromarray(p.numpy()) for p in pictures()]
    pixel_values = torch.stack([backbone.image_transform(i) for i in images])
    assert pixel_values.shape[1:] == backbone.default_image_resolution
    patches = backbone(pixel_values)
    assert patches.shape == (2, backbone.num_patches, backbone.embed_dim)
    assert torch.allclose(patches, encoder(pictures()))  # of the right size already, nothing is resized
    assert nn.Linear(backbone.embed_dim, 12)(patches).shape == (2, 64, 12)  # its projector
    assert backbone.get_fsdp_wrapping_policy()(module=encoder, recurse=False, nonwrapped_numel=0)
    assert not backbone.get_fsdp_wrapping_policy()(module=encoder.model, recurse=False, nonwrapped_numel=0)


def test_openvla_resizes_other_pictures(encoder: PatchEncoder) -> None:
    wide = Image.fromarray(np.zeros((50, 90), np.uint8))
    assert OpenVLABackbone(encoder).image_transform(wide).shape == (3, 32, 32)


class EncoderCore(nn.Module):
    """robomimic's base: keeps ``input_shape`` and registers subclasses by name (obs_core.py)."""

    known: dict[str, type] = {}  # noqa: RUF012

    def __init__(self, input_shape):
        self.input_shape = input_shape
        super().__init__()

    def __init_subclass__(cls, **kwargs):
        EncoderCore.known[cls.__name__] = cls


def test_robomimic_builds_the_core_by_its_name_and_flattens_it(encoder: PatchEncoder) -> None:
    encoder_core(EncoderCore, encoder)
    core = EncoderCore.known["SmcrepCore"](input_shape=[3, 32, 32])
    inputs = pictures().permute(0, 3, 1, 2).float() / 255
    features = core(inputs)
    assert list(features.shape[1:]) == core.output_shape([3, 32, 32])
    assert torch.allclose(features, encoder.model.embed(rgb=pictures()).senses["rgb"], atol=1e-6)
    assert len(list(core.parameters())) == len(list(encoder.parameters()))
    with pytest.raises(ValueError, match="give images"):
        EncoderCore.known["SmcrepCore"](input_shape=[1, 32, 32])


@pytest.mark.parametrize("pooled", [False, True])
def test_dino_wm_reads_name_sizes_and_tokens(encoder: PatchEncoder, pooled: bool) -> None:
    theirs = DinoWMEncoder(encoder, pooled=pooled)
    x = (pictures().permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
    tokens = theirs(x)
    assert "dino" not in theirs.name
    assert tokens.shape == (2, 1 if pooled else encoder.num_patches, theirs.emb_dim)
    assert theirs.latent_ndim == (1 if pooled else 2)
    assert 32 // theirs.patch_size == 8  # its world model makes the number of patches of this
    own = encoder.forward_pooled(pictures())[:, None] if pooled else encoder(pictures())
    assert torch.allclose(tokens, own, atol=1e-6)
    with pytest.raises(ValueError, match="leave 'dino' out"):
        DinoWMEncoder(encoder, name="dino_like")


def test_dp3_reads_cloud_and_state() -> None:
    own = model()
    theirs = DP3Encoder(own, "points", num_state=7)
    cloud = torch.cat([0.05 * torch.randn(2, 40, 3) + torch.tensor([0, 0, 0.5]), torch.rand(2, 40, 3)], -1)
    observations = {"point_cloud": cloud, "agent_pos": torch.randn(2, 7)}
    features = theirs.train()(observations)
    assert features.shape == (2, theirs.output_shape())
    assert torch.allclose(features[:, :-64], own.embed(points=cloud[..., :3]).senses["points"], atol=1e-6)
    assert not own.training
    features.sum().backward()
    assert all(p.grad is None for p in own.parameters())
    assert theirs.state[0].weight.grad is not None
    with pytest.raises(ValueError, match="'agent_pos'"):
        theirs({"point_cloud": cloud})
    with pytest.raises(ValueError, match=r"give \[b, n, 3\]"):
        theirs(observations | {"point_cloud": cloud[..., :5]})


def test_dp3_may_learn_too() -> None:
    own = model()
    theirs = DP3Encoder(own, "points", num_state=2, frozen=False).train()
    assert own.training
    theirs({"point_cloud": torch.rand(2, 20, 3) + 0.5, "agent_pos": torch.zeros(2, 2)}).sum().backward()
    assert any(p.grad is not None for p in own.encoders["points"].parameters())


def test_auto_model_saves_loads_and_agrees(encoder: PatchEncoder, tmp_path: Path) -> None:
    auto = pytest.importorskip("smcrep.vla.adapters.auto_model")
    auto.vision_model(encoder).save_pretrained(tmp_path)
    loaded = auto.load_vision_model(tmp_path)
    assert type(loaded) is auto.SmcrepVisionModel
    out = loaded(pixel_values=pictures().permute(0, 3, 1, 2).float())
    assert torch.equal(out.last_hidden_state, encoder(pictures()))
    assert torch.allclose(out.pooler_output, encoder.model.embed(rgb=pictures()).senses["rgb"], atol=1e-6)


def test_auto_model_refuses_weights_of_another(encoder: PatchEncoder, tmp_path: Path) -> None:
    auto = pytest.importorskip("smcrep.vla.adapters.auto_model")
    made = auto.vision_model(encoder)
    weights = made.state_dict()
    del weights["encoder.model.projector.0.weight"]
    made.save_pretrained(tmp_path, state_dict=weights)
    with pytest.raises(ValueError, match="does not fit"):
        auto.load_vision_model(tmp_path)
