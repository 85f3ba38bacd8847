"""Networks of an objective's own live in the model while it trains: they learn, resume, and are not saved with it."""

from dataclasses import replace
from pathlib import Path

import torch

from smcrep.hub import from_pretrained
from smcrep.models.model import SensorimotorModel
from smcrep.objectives import BYOL, AugSelf, CombinedWeights, ConditionalBYOL, NTXent
from smcrep.training.build import build_optimiser, build_seeded_model
from smcrep.training.heads import TARGET, follow
from smcrep.training.step import step_loss
from tests.training.synthetic import tiny_recipe, transition

BOTH = CombinedWeights(BYOL(momentum=0.75, hidden=8), AugSelf(hidden=8))


def built() -> SensorimotorModel:
    return build_seeded_model(tiny_recipe(objective=BOTH))


def target_of(model: SensorimotorModel) -> SensorimotorModel:
    target = model.objective_heads[TARGET]
    assert isinstance(target, SensorimotorModel)
    return target


def test_first_weights_of_the_model_do_not_depend_on_the_objective() -> None:
    plain, own = build_seeded_model(tiny_recipe()), dict(built().named_parameters())
    assert all(torch.equal(p, own[name]) for name, p in plain.named_parameters())
    assert len(plain.objective_heads) == 0


def test_a_step_trains_the_heads_and_the_target_follows_before_the_next() -> None:
    model, batch = built(), transition(4, 3, seed=0)
    names = ("projector.0.weight", "heads.rgb.invariant.0.weight")
    parameters, target = dict(model.named_parameters()), dict(target_of(model).named_parameters())
    first = {name: parameters[name].detach().clone() for name in names}
    head = model.objective_heads["equivariance_reader"][0].weight  # type: ignore[index,union-attr]
    head_before = head.detach().clone()
    optimiser = build_optimiser(model, tiny_recipe().optim)
    for group in optimiser.param_groups:
        group["lr"] = 0.1
    step_loss(model.train(), batch, BOTH, augmented=False).total.backward()
    assert all(torch.equal(target[name], first[name]) for name in names)
    assert all(p.grad is None for p in target.values())
    optimiser.step()
    assert not torch.equal(head, head_before)
    second = {name: parameters[name].detach().clone() for name in names}
    step_loss(model, batch, BOTH, augmented=False)
    for name in names:
        torch.testing.assert_close(target[name], 0.75 * first[name] + 0.25 * second[name])
    step_loss(model.eval(), batch, BOTH, augmented=False)  # in evaluation it stays
    torch.testing.assert_close(target[names[0]], 0.75 * first[names[0]] + 0.25 * second[names[0]])


def test_follow_by_hand() -> None:
    model, target = built(), built()
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(4.0)
        for p in target_of(target).parameters():
            p.fill_(8.0)
    follow(target_of(target), model, 0.75)
    assert all(torch.equal(p, torch.full_like(p, 7.0)) for p in target_of(target).parameters())


def test_the_target_sees_the_same_senses_left_out_of_the_fused_embedding() -> None:
    """While the target equals the model, an objective that compares both in the fused embedding reads no difference."""
    objective = CombinedWeights(NTXent(), ConditionalBYOL())
    recipe = tiny_recipe(objective=objective)
    model = build_seeded_model(replace(recipe, model=replace(recipe.model, predictor="group"))).eval()
    batch = transition(4, 3, seed=0)
    seen = []

    class Look(CombinedWeights):
        def loss(self, observed):
            assert observed.target is not None
            seen.append((observed.fused, observed.target.fused))
            return super().loss(observed)

    look = Look(NTXent(), ConditionalBYOL())
    step_loss(model, batch, look, sense_dropout=0.5, augmented=False, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(*seen[0])
    assert not seen[0][1].requires_grad


def test_saved_model_is_without_the_heads(tmp_path: Path) -> None:
    model = built()
    model.save_pretrained(tmp_path)
    loaded = from_pretrained(tmp_path)
    assert len(loaded.objective_heads) == 0
    points = torch.rand(2, 20, 3) + torch.tensor([0.0, 0, 1])
    assert torch.equal(loaded.embed(points=points).fused, model.embed(points=points).fused)


def test_a_model_put_back_from_its_state_goes_on_the_same() -> None:
    """Heads and target are in the state that a checkpoint holds: the next steps are equal to the bit."""
    model, batch = built().train(), transition(4, 3, seed=0)
    optimiser = build_optimiser(model, tiny_recipe().optim)
    step_loss(model, batch, BOTH, augmented=False).total.backward()
    optimiser.step()
    again = built().train()
    again.load_state_dict(model.state_dict())
    losses = [step_loss(m, batch, BOTH, augmented=False).total for m in (model, again)]
    assert torch.equal(*losses)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))
    assert not torch.equal(losses[0], step_loss(built().train(), batch, BOTH, augmented=False).total)
