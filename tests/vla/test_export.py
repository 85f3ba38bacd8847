"""Exported graphs give what the model gives, for other observations and other numbers of them."""

from pathlib import Path

import pytest
import torch

from smcrep.hub import build_model
from smcrep.models.config import ModelConfig
from smcrep.models.model import SensorimotorModel
from smcrep.vla.export import export_onnx, export_program, graph_inputs, run_onnx

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of torch's own exporter
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
SETS = pytest.mark.parametrize("names", [("rgb", "points")], ids="+".join)


@pytest.fixture(scope="module")
def model() -> SensorimotorModel:
    torch.manual_seed(0)
    config = ModelConfig(
        senses={"rgb": {"size": 16}, "points": None}, trunk_dim=16, invariant_dim=8, num_vectors=1, num_tensors=1
    )  # fmt: skip
    return build_model(config).eval()


def observations(b: int, seed: int, names: tuple[str, ...]) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    rgb = torch.randint(0, 256, (b, 20, 20, 3), dtype=torch.uint8, generator=g)
    points = 0.05 * torch.randn(b, 40, 3, generator=g) + torch.tensor([0.0, 0.1, 0.5])
    points[:, 30:] = points[:, :10]  # repeated points, which the encoder leaves out
    points[:, 3] += 2  # and a stray one
    return {name: x for name, x in {"rgb": rgb, "points": points}.items() if name in names}


@SETS
def test_torch_export_equals_the_model(model: SensorimotorModel, names: tuple[str, ...], tmp_path: Path) -> None:
    export_program(model, observations(2, 0, names), tmp_path / "model.pt2")
    other = observations(5, 1, names)
    fused, weight = torch.export.load(tmp_path / "model.pt2").module()(*other.values())
    wanted = model.embed(other)
    assert torch.allclose(fused, wanted.fused, atol=1e-5)
    assert torch.allclose(weight, wanted.weight, atol=1e-5)


@SETS
def test_onnx_equals_the_model(model: SensorimotorModel, names: tuple[str, ...], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    export_onnx(model, observations(2, 0, names), tmp_path / "model.onnx")
    other = observations(5, 1, names)
    fused, weight = run_onnx(tmp_path / "model.onnx", graph_inputs(model, other))
    wanted = model.embed(other)
    assert torch.allclose(torch.from_numpy(fused), wanted.fused, atol=1e-4)
    assert torch.allclose(torch.from_numpy(weight), wanted.weight, atol=1e-4)
    assert (fused[0] != fused[1]).any()


def test_an_example_of_one_is_refused(model: SensorimotorModel, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="torch fixes the batch"):
        export_program(model, observations(1, 0, ("rgb",)), tmp_path / "model.pt2")
