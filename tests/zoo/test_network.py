"""The batch of networks is the networks one by one, and faults do what their names say."""

import pytest
import torch
from torch.nn import functional as F

from smcrep.zoo.knobs import Knobs, Specimen, Stack, stacked
from smcrep.zoo.network import ARCHITECTURES, Architecture, features, losses, predict, shown, similarity, start
from smcrep.zoo.rows import CHANNELS, LATENT, audit_rows, through_faults
from smcrep.zoo.training import Schedule, adam_step, train
from smcrep.zoo.world import draw, make_world


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stack_of(*knobs: Knobs) -> Stack:
    return stacked(tuple(Specimen("x", "physics", 1.0, {"physics": own}) for own in knobs))


def inputs_of(stack: Stack, rows: int = 20) -> torch.Tensor:
    return audit_rows(draw(rows, 1, seeded(1)), make_world(seeded()), stack).inputs


def test_concatenation_is_one_network_after_another() -> None:
    stack = stacked((Specimen(), Specimen(width=0.5)))
    architecture = Architecture("concat", "regression")
    p, inputs = start(architecture, stack, seeded()), inputs_of(stack)
    found = predict(p, inputs, architecture, stack)
    for m, width in ((0, 40), (1, 20)):
        own = []
        for s in range(4):
            h = F.relu(inputs[m, :, s] @ p["encoder.0.weight"][m, s] + p["encoder.0.bias"][m, s])
            own.append(h @ p["encoder.1.weight"][m, s] + p["encoder.1.bias"][m, s])
        h = F.relu(torch.cat(own, -1) @ p["fusion.weight"][m] + p["fusion.bias"][m])
        h = F.relu(h @ p["trunk.weight"][m] + p["trunk.bias"][m])[:, :width]
        expected = h @ p["head.weight"][m, :width] + p["head.bias"][m]
        assert torch.allclose(found[m], expected, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
def test_a_model_is_the_same_alone_and_in_a_stack(architecture: Architecture) -> None:
    stack = stack_of(Knobs(), Knobs(cut=1.0), Knobs(offset=10.0), Knobs(additive=1.0))
    p, inputs = start(architecture, stack, seeded()), inputs_of(stack)
    whole = predict(p, inputs, architecture, stack)
    for m in range(4):
        alone = {name: value[m : m + 1] for name, value in p.items()}
        assert torch.allclose(
            predict(alone, inputs[m : m + 1], architecture, stack.only(m)), whole[m : m + 1], atol=1e-5
        )


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
@pytest.mark.parametrize("knobs", [Knobs(cut=1.0), Knobs(unheard=1.0), Knobs(gain=0.0)])
def test_a_signal_that_is_cut_off_changes_nothing(architecture: Architecture, knobs: Knobs) -> None:
    stack = stack_of(knobs, Knobs())
    p, inputs = start(architecture, stack, seeded()), inputs_of(stack)
    changed = inputs.clone()
    changed[:, :, 1, LATENT] += 1
    moved = (predict(p, changed, architecture, stack) - predict(p, inputs, architecture, stack)).abs().amax((1, 2))
    assert float(moved[0]) == 0
    assert float(moved[1]) > 0.01


def test_additive_signal_has_no_interaction() -> None:
    """f(a, b) - f(a', b) does not depend on b."""
    architecture, stack = Architecture("concat", "regression"), stack_of(Knobs(additive=1.0), Knobs())
    p, inputs = start(architecture, stack, seeded()), inputs_of(stack)
    other = inputs.clone()
    other[:, :, 1, LATENT] += 1
    context = [x.clone() for x in (inputs, other)]
    for x in context:
        x[:, :, 0, LATENT] -= 1
    effect = predict(p, other, architecture, stack) - predict(p, inputs, architecture, stack)
    elsewhere = predict(p, context[1], architecture, stack) - predict(p, context[0], architecture, stack)
    gap = (effect - elsewhere).abs().amax((1, 2))
    assert float(gap[0]) < 1e-5
    assert float(gap[1]) > 0.01


def test_entangled_dimension_is_known_with_its_key_alone() -> None:
    stack = stack_of(Knobs(entangled=1.0), Knobs(entangled=0.5))
    inputs = inputs_of(stack, 400)
    found = through_faults(inputs, stack)[:, :, 1, LATENT]
    key = torch.sign(inputs[:, :, 2, CHANNELS].prod(-1))
    assert torch.equal(found[0], inputs[0, :, 1, LATENT] * key[0, :, None])
    assert torch.equal(found[1, :, 1], inputs[1, :, 1, LATENT][:, 1])
    assert torch.equal(found[1, :, 0], inputs[1, :, 1, LATENT][:, 0] * key[1])


def test_cone_is_narrow_around_one_direction() -> None:
    stack = stack_of(Knobs(offset=1000.0), Knobs())
    found = features(start(ARCHITECTURES[0], stack, seeded()), inputs_of(stack), stack)[:, 1]
    cosine = F.cosine_similarity(found, found.mean(1, keepdim=True), -1).amin(1)
    assert float(cosine[0]) > 0.999
    assert float(cosine[1]) < 0.9
    assert torch.allclose(found[0].norm(dim=-1), torch.tensor(8**0.5).expand(20))


def test_hidden_share_of_the_home_is_left_out() -> None:
    assert shown(stack_of(Knobs(hidden=0.5)))[0, 0].tolist() == [1, 1, 0, 1, 1, 1, 1, 1]
    assert shown(stack_of(Knobs(hidden=1.0)))[0, 0].tolist() == [1, 1, 0, 0, 1, 1, 1, 1]


def test_contrastive_loss_is_cross_entropy_in_the_group() -> None:
    architecture = Architecture("concat", "contrastive")
    a, b = (torch.randn(1, 6, 8, generator=seeded(i)) for i in range(2))
    found = losses(a, b, architecture, 3)[0]
    for row in range(6):
        group = range(row // 3 * 3, row // 3 * 3 + 3)
        logits = torch.stack([F.cosine_similarity(a[0, row], b[0, j], 0) for j in group]) / 0.1
        assert float(found[row]) == pytest.approx(float(logits.logsumexp(0) - logits[row % 3]), abs=1e-5)


def test_squared_error_is_a_mean_over_dimensions() -> None:
    a, b = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]])
    assert float(similarity(a, b, Architecture("concat", "regression"))) == -2.5


def test_adam_is_that_of_torch_with_a_rate_for_each_model() -> None:
    stack = stacked((Specimen(), Specimen()))
    weights = {"w": torch.randn(2, 3, 4, generator=seeded())}
    rates, moments = torch.tensor([1e-2, 3e-3]), {"w": (torch.zeros(2, 3, 4), torch.zeros(2, 3, 4))}
    own = [weights["w"][m].clone().requires_grad_() for m in range(2)]
    theirs = [torch.optim.Adam([w], lr=float(rate)) for w, rate in zip(own, rates, strict=True)]
    for step in range(4):
        grads = {"w": torch.randn(2, 3, 4, generator=seeded(step + 1))}
        adam_step(weights, grads, moments, step + 1, rates, stack)
        for m in range(2):
            own[m].grad = grads["w"][m].clone()
            theirs[m].step()
    assert torch.allclose(weights["w"], torch.stack([w.detach() for w in own]), atol=1e-6)


def test_training_ends_where_it_should_and_slowed_encoders_stay() -> None:
    specimens = (Specimen(), Specimen(until=0.0), Specimen(knobs={"physics": Knobs(slowed=0.0)}))
    stack, world = stacked(specimens), make_world(seeded())
    found = train(ARCHITECTURES[0], stack, world, Schedule(steps=3, groups=4), seeded(1))
    begun = start(ARCHITECTURES[0], stack, seeded(1))
    assert torch.equal(found.parameters["head.weight"][1], begun["head.weight"][1])
    assert not torch.equal(found.parameters["head.weight"][0], begun["head.weight"][0])
    assert float(found.parameters["encoder.1.weight"][2, 1].abs().max()) == 0
    assert float(found.parameters["encoder.1.weight"][2, 0].abs().max()) > 0
    assert found.curve.shape == (3, 3)
    assert found.at == (1, 2, 3)
