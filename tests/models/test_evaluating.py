"""`embed` runs in evaluation mode, and neither switches nor changes a model that other threads use."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from smcrep.hub import build_model
from smcrep.models import ModelConfig, SensorimotorModel
from smcrep.models.evaluating import evaluating
from tests.senses.samples import sample

BACKBONES = {
    "small": {"rgb": None, "points": None, "depth": None, "mask": None},
    "resnet and dgcnn": {"rgb": {"encoder": "test_resnet"}, "points": {"encoder": "dgcnn"}},
    "transformer": {"rgb": {"encoder": "test_vit"}},
    "windows": {"rgb": {"encoder": "swin_tiny_patch4_window7_224"}},
    "mobile": {"rgb": {"encoder": "test_efficientnet"}},
}


def build(senses: dict) -> SensorimotorModel:
    torch.manual_seed(0)
    return build_model(ModelConfig(senses=senses, trunk_dim=16, invariant_dim=8, num_vectors=1, num_tensors=1))


def given(model: SensorimotorModel, num: int) -> dict[str, Tensor]:
    return {name: sample(name, num, size=32) for name in model.config.names}


@pytest.fixture(scope="module")
def normalised() -> SensorimotorModel:
    """In training mode, with BatchNorm whose running statistics are not those of any batch, and dropout."""
    model = build(BACKBONES["resnet and dgcnn"])
    model.heads["rgb"].invariant.append(nn.Dropout(0.5))  # type: ignore[union-attr,operator]
    with torch.no_grad():
        for part in model.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
    return model.train()


def test_embedding_is_that_of_evaluation_mode_and_the_model_stays_as_it_was(normalised: SensorimotorModel) -> None:
    before = copy.deepcopy(normalised.state_dict())
    expected = copy.deepcopy(normalised).eval().embed(given(normalised, 6)).fused
    assert torch.equal(normalised.embed(given(normalised, 6)).fused, expected)
    assert all(part.training for part in normalised.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in normalised.state_dict().items())
    with torch.no_grad():  # the planted difference: training mode gives another answer
        batch = normalised.heads["rgb"](*normalised.encoders["rgb"](given(normalised, 6)["rgb"]))[0]
    assert (batch - normalised.embed(rgb=given(normalised, 6)["rgb"]).fused).abs().max() > 0.05


def test_threads_that_share_a_model_in_training_mode_all_get_the_answer(normalised: SensorimotorModel) -> None:
    x = given(normalised, 2)
    expected = normalised.embed(x).fused
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: normalised.embed(x).fused, range(24)))
    assert [i for i, z in enumerate(found) if not torch.equal(z, expected)] == []
    assert normalised.training


class Switched(nn.Module):
    """Counts how often its mode is set."""

    num_switches = 0

    def train(self, mode: bool = True) -> "Switched":
        Switched.num_switches += 1
        return super().train(mode)


def test_module_itself_is_never_switched_and_the_copy_shares_its_tensors() -> None:
    class Layer(Switched):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3))
            self.register_buffer("seen", torch.zeros(3))
            self.last = self.weight * 2  # kept, with its history: deepcopy alone refuses it
            self.again = self.forward  # bound to the layer itself

        def forward(self) -> bool:
            return self.training

    module = nn.ModuleList([layer := Layer(), layer])
    module.train()
    copied = evaluating(module)
    assert (module.training, layer.training, copied.training) == (True, True, False)
    assert copied[0] is copied[1]
    assert copied[0].again() is False  # type: ignore[operator]
    assert all(a is b for a, b in zip(module.parameters(), copied.parameters(), strict=True))
    assert all(a is b for a, b in zip(module.buffers(), copied.buffers(), strict=True))
    assert evaluating(module.eval()) is module


@pytest.mark.parametrize("senses", BACKBONES.values(), ids=BACKBONES)
class TestEveryBackbone:
    def test_empty_batch_gives_empty_embeddings(self, senses: dict) -> None:
        model = build(senses)
        for training in (True, False):
            embedding = model.train(training).embed(given(model, 0))
            assert embedding.fused.shape == (0, model.config.embed_dim)
            assert embedding.weight.shape == (0, len(senses))
            assert {name: len(z) for name, z in embedding.senses.items()} == dict.fromkeys(senses, 0)

    @pytest.mark.parametrize("dtype", [torch.half, torch.bfloat16])
    def test_half_and_bfloat16_give_nearly_the_embedding_of_float32(self, senses: dict, dtype: torch.dtype) -> None:
        model = build(senses).eval()
        x, expected = given(model, 3), model.embed(given(model, 3)).fused
        near = 0.01 if dtype == torch.half else 0.03  # their last digits are 2^-11 and 2^-8
        with torch.autocast("cpu", dtype=dtype):
            found = [model.embed(x).fused]
        found.append(model.to(dtype).embed(x).fused)
        for z in found:
            assert z.dtype == torch.float32
            torch.testing.assert_close(z, expected, atol=near, rtol=0)
            assert not torch.equal(z, expected)
