from pathlib import Path
from typing import Any

import timm
import torch

from smcrep.models.config import ModelConfig
from smcrep.senses import RGBSettings
from smcrep.training.build import Compute, build_fabric, build_optimiser, build_seeded_model
from smcrep.training.recipes import Optim, Recipe
from tests.training.synthetic import tiny_recipe


def test_weights_come_from_the_recipes_seed_alone() -> None:
    state = torch.get_rng_state()
    first = build_seeded_model(tiny_recipe()).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(3)
    again, other = (build_seeded_model(tiny_recipe(seed=s)).state_dict() for s in (0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_only_matrices_decay() -> None:
    model = build_seeded_model(tiny_recipe())
    optimiser = build_optimiser(model, Optim(weight_decay=0.3))
    decay = {id(p): group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
    assert len(decay) == len(list(model.parameters()))
    assert {p.ndim > 1: decay[id(p)] for p in model.parameters()} == {True: 0.3, False: 0.0}


def test_precision_on_a_cpu() -> None:
    assert build_fabric(Compute(accelerator="cpu"), Optim())._precision.precision == "32-true"
    fabric = build_fabric(Compute(accelerator="cpu"), Optim(precision="bf16-mixed"))
    assert fabric._precision.precision == "bf16-mixed"


def pictures(**settings: Any) -> ModelConfig:
    """A model of pictures with a timm encoder."""
    return ModelConfig(
        senses={"rgb": RGBSettings(encoder="test_resnet", **settings)}, trunk_dim=16, predictor_hidden=16
    )


def test_encoder_starts_from_weights_of_a_file_and_the_heads_from_the_seed(tmp_path: Path) -> None:
    torch.manual_seed(5)
    weights = timm.create_model("test_resnet").state_dict()
    torch.save(weights, tmp_path / "w.pth")
    model = build_seeded_model(Recipe(model=pictures(weights=str(tmp_path / "w.pth"))))
    encoder = model.encoders["rgb"].backbone.model.state_dict()  # type: ignore[union-attr]
    assert all(torch.equal(encoder[name], weights[name]) for name in encoder)
    heads, drawn = model.heads.state_dict(), build_seeded_model(Recipe(model=pictures())).heads.state_dict()
    assert all(torch.equal(heads[name], drawn[name]) for name in heads)


def test_the_backbone_learns_at_its_own_rate_and_frozen_groups_not_at_all() -> None:
    model = build_seeded_model(Recipe(model=pictures(lr_scale=0.1, frozen_groups=1)))
    scales = {id(p): g["lr_scale"] for g in build_optimiser(model, Optim()).param_groups for p in g["params"]}
    for name, parameter in model.named_parameters():
        if name.startswith("encoders.rgb.backbone"):
            assert scales.get(id(parameter)) == (0.1 if parameter.requires_grad else None)
        else:
            assert scales[id(parameter)] == 1
    assert any(not p.requires_grad for p in model.encoders.parameters())
