import torch

from smcrep.training.build import Compute, build_fabric, build_optimiser, build_seeded_model
from smcrep.training.recipes import Optim
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
