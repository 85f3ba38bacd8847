"""seq-JEPA equals its formula in loops with the transformer written out, and learns what a planted group does."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.geometry.action import KINDS
from smcrep.models.model import SensorimotorModel
from smcrep.objectives import HeadSizes, SeqJEPAWeights, SequenceModel, seq_jepa
from smcrep.objectives.seq_jepa import standardise
from smcrep.testing import assert_objective_laws
from smcrep.testing.objectives import synthetic_observed
from smcrep.training.build import build_seeded_model
from smcrep.training.step import step_loss
from tests import laws
from tests.objectives.observed import observed_by
from tests.training.synthetic import tiny_recipe, transition

SMALL = SeqJEPAWeights(action=6, hidden=8, layers=2, attention_heads=2)


def small_network() -> SequenceModel:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return SequenceModel(10, 3, SMALL).double()


def sequences(num: int = 4, views: int = 3) -> tuple[Tensor, Tensor]:
    """Views [n, m, 10] and scaled actions [n, m, 3]."""
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(num, views, d, generator=generator, dtype=torch.float64) for d in (10, 3))  # type: ignore[return-value]


def test_by_hand() -> None:
    """The same direction 0, 60 degrees .5, right angles 1, opposite 2; the length does not matter."""
    x = torch.tensor([[1.0, 0.0]])
    for other, wanted in (([3.0, 0.0], 0), ([0.5, math.sqrt(0.75)], 0.5), ([0.0, 7.0], 1), ([-2.0, 0.0], 2)):
        assert float(seq_jepa(x, torch.tensor([other])).total) == pytest.approx(wanted, abs=1e-6)
    assert float(seq_jepa(torch.ones(4, 3), 2 * torch.ones(4, 3)).total) == pytest.approx(0, abs=1e-6)


def test_keeps_the_laws() -> None:
    """Standardised, a constant latent is 0, at right angles to everything."""
    assert_objective_laws(SMALL, at_constant=1.0)
    assert_objective_laws(replace(SMALL, min_views=3), at_constant=1.0)


def test_standardised_is_batch_norm_without_parameters() -> None:
    h, every = laws.embeddings(n=12, d=8)
    torch.testing.assert_close(standardise(every, every), F.batch_norm(every, None, None, training=True))
    running = F.batch_norm(h, every.mean(0), every.var(0, unbiased=False))
    torch.testing.assert_close(standardise(h, every), running)
    assert not standardise(h[:1].expand(5, -1), h[:1]).any()


def transformer(x: Tensor, network: Any, num_heads: int) -> Tensor:
    """One sequence [t, c] through the layers, row by row: x + attention, LayerNorm, x + MLP, LayerNorm."""
    width = x.shape[1] // num_heads
    for layer in network.transformer.layers:
        own = layer.self_attn
        q, k, v = (x @ own.in_proj_weight.T + own.in_proj_bias).chunk(3, -1)
        mixed = torch.zeros_like(x)
        for head in range(num_heads):
            part = slice(head * width, (head + 1) * width)
            for i in range(len(x)):
                weights = torch.stack([(q[i, part] @ k[j, part] / math.sqrt(width)).exp() for j in range(len(x))])
                mixed[i, part] = sum(weights[j] / weights.sum() * v[j, part] for j in range(len(x)))
        x = F.layer_norm(x + mixed @ own.out_proj.weight.T + own.out_proj.bias, x.shape[1:], *affine(layer.norm1))
        hidden = (x @ layer.linear1.weight.T + layer.linear1.bias).clamp_min(0)
        x = F.layer_norm(x + hidden @ layer.linear2.weight.T + layer.linear2.bias, x.shape[1:], *affine(layer.norm2))
    return F.layer_norm(x, x.shape[1:], *affine(network.transformer.norm))


def affine(norm: Any) -> tuple[Tensor, Tensor]:
    return norm.weight, norm.bias


def written_out(network: Any, h: Tensor, action: Tensor) -> Tensor:
    """Prediction [d] of one sequence h [m, d], action [m, a]."""
    linear = network.embed_action[0].weight
    acted = [F.layer_norm(linear @ a, (len(linear),)) for a in action]
    tokens = [network.token[0, 0]]
    tokens += [torch.cat([h[i], acted[i] if i < len(h) - 1 else 0 * acted[i]]) for i in range(len(h))]
    aggregate = transformer(torch.stack(tokens), network, SMALL.attention_heads)[0]
    return network.predictor(torch.cat([aggregate, acted[-1]])[None])[0]


def test_network_is_the_transformer_written_out() -> None:
    network, (h, action) = small_network(), sequences()
    network.token.data.normal_(generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        wanted = torch.stack([written_out(network, *one) for one in zip(h, action, strict=True)])
        torch.testing.assert_close(network(h, action), wanted)
        torch.testing.assert_close(network.eval()(h, action), wanted)
        torch.testing.assert_close(network(h[:, :1], action[:, :1])[0], written_out(network, h[0, :1], action[0, :1]))


def test_loss_is_the_mean_over_lengths_and_states_with_actions_from_view_to_view() -> None:
    given = synthetic_observed(weights=SMALL)
    assert given.target is not None
    motion = given.action.motion.double()  # type: ignore[attr-defined]
    network = given.head("sequence")
    h, slow = (
        F.batch_norm(x.latents()["second"].detach().flatten(0, 1), None, None, training=True).unflatten(0, (5, 4))
        for x in (given, given.target)
    )
    each, links_of = [], []
    for s in range(5):
        links = []
        for i in range(3):
            before = torch.eye(4, dtype=torch.float64) if i == 0 else motion[s, i - 1]
            step = motion[s, i] @ before.inverse()
            contact = before[:3, 3]  # the contact point, 0 in the first view, as the later one sees it
            moved = step[:3, :3] @ contact + step[:3, 3] - contact
            kind = F.one_hot(torch.tensor(KINDS.index("turn")), len(KINDS)).double()
            rest = torch.zeros(4, dtype=torch.float64)
            links.append(10 * torch.cat([kind, step[:3, :3].flatten(), moved, contact, rest]))
        links_of.append(torch.stack(links))
        for m in (1, 2, 3):
            predicted = written_out(network, h[s, :m], links_of[s][:m]).detach()
            each.append(1 - float(predicted @ slow[s, m] / (predicted.norm() * slow[s, m].norm())))
    found = SMALL.loss(given)
    assert float(found.parts["seq_jepa/second"]) == pytest.approx(sum(each) / len(each), rel=1e-5)
    last = replace(SMALL, min_views=3).loss(given)
    assert float(last.parts["seq_jepa/second"]) == pytest.approx(sum(each[2::3]) / 5, rel=1e-5)
    alone = replace(SMALL, max_views=1).loss(given)
    each = []
    for s in range(5):
        for m in (1, 2, 3):
            predicted = written_out(network, h[s, m - 1 : m], links_of[s][m - 1 : m]).detach()
            each.append(1 - float(predicted @ slow[s, m] / (predicted.norm() * slow[s, m].norm())))
    assert float(alone.parts["seq_jepa/second"]) == pytest.approx(sum(each) / 15, rel=1e-5)
    total = sum(found.parts[f"seq_jepa/{sense}"] for sense in ("first", "second", "fused")) / 3
    assert float(found.total.detach()) == pytest.approx(float(total))


def test_gradient_is_that_of_finite_differences_and_none_reaches_the_target() -> None:
    network, (h, action) = small_network(), sequences(2)
    target = laws.embeddings(n=2, d=10)[0].requires_grad_()
    seq_jepa(network(h, action), target).total.backward()
    assert target.grad is None
    assert torch.autograd.gradcheck(
        lambda h, a: seq_jepa(network(h, a), target.detach()).total, (h.requires_grad_(), action.requires_grad_())
    )


def test_without_a_target_network_the_model_stands_in() -> None:
    given = synthetic_observed(weights=SMALL)
    alone, itself = (SMALL.loss(replace(given, target=target)).total for target in (None, given))
    assert torch.equal(alone, itself)
    assert not torch.equal(alone, SMALL.loss(given).total)


def test_aggregate_is_of_a_set_and_depends_on_every_view_and_action() -> None:
    network, (h, action) = small_network(), sequences(1, 4)
    with torch.no_grad():
        before = network.aggregate(h, action[:, :3])
        order = torch.tensor([2, 0, 1])
        swapped = network.aggregate(torch.cat([h[:, order], h[:, 3:]], 1), action[:, order])
        torch.testing.assert_close(swapped, before)
        for i in range(4):
            changed = h.clone()
            changed[:, i] += 1
            changed[:, i, 0] += 1
            assert (network.aggregate(changed, action[:, :3]) - before).abs().amax() > 1e-4
        for i in range(3):
            assert (network.aggregate(h, action[:, :3].index_add(1, torch.tensor([i]), action[:, 3:])) - before).any()


def test_a_token_is_divided_by_the_heads_of_attention() -> None:
    network = SequenceModel(9, 3, replace(SMALL, attention_heads=4))
    assert network.token.shape == (1, 1, 16)  # 9 + 6, and 1 more for the action
    built: Any = SMALL.heads(HeadSizes(7, 99, 3, 3))["sequence"]
    assert built.token.shape == (1, 1, 16)  # 3 invariant, 7 equivariant numbers and 6 of the action


def test_learns_a_planted_group_and_needs_the_action_for_it() -> None:
    """Latents of 8 numbers are turned, two by two, by angles that the action tells. Only the network learns: it comes
    closer than no change, and with the actions of other sequences it does not."""
    generator = torch.Generator().manual_seed(0)

    def drawn(num: int) -> tuple[Tensor, Tensor]:
        angle = 1.5 * torch.rand(num, 3, 4, generator=generator) - 0.75
        first = torch.randn(num, 1, 4, generator=generator, dtype=torch.complex64)
        turned = first * torch.exp(1j * torch.cat([0 * angle[:, :1], angle], 1).cumsum(1))
        return F.normalize(torch.view_as_real(turned).flatten(2), dim=-1), angle

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        network = SequenceModel(8, 4, SeqJEPAWeights(action=24, hidden=128, layers=1))
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(200):
        h, action = drawn(128)
        loss = sum(seq_jepa(network(h[:, :m], action[:, :m]), h[:, m]).total for m in (1, 3))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[union-attr]
        optimiser.step()
    h, action = drawn(1000)
    with torch.no_grad():
        for m in (1, 3):
            right = float(seq_jepa(network(h[:, :m], action[:, :m]), h[:, m]).total)
            wrong = float(seq_jepa(network(h[:, :m], action.roll(1, 0)[:, :m]), h[:, m]).total)
            stay = float(seq_jepa(h[:, m - 1], h[:, m]).total)
            assert right < 0.5 * stay
            assert wrong > stay


def test_encoders_learn_with_it_and_do_not_collapse() -> None:
    """Clouds and pictures of turned objects: on objects never seen, the last view is predicted closer than by no change
    and than with the actions of other states, and latents do not become one constant. The bounds hold for other first
    weights too (six: at most .82 of the loss with other actions, .81 of no change; at least .38 of the deviation)."""
    weights = SeqJEPAWeights(action=16, hidden=64, layers=1, attention_heads=2, momentum=0.98)
    model = build_seeded_model(tiny_recipe(objective=weights)).train()
    spread = errors(model)[1]
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 3e-3)
    for step in range(40):
        loss = step_loss(model, transition(32, 3, seed=step), weights, augmented=False)
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
    (right, wrong, stay), after = errors(model.eval())
    assert right < 0.92 * wrong
    assert right < 0.95 * stay
    assert after > 0.2 * spread


def errors(model: SensorimotorModel) -> tuple[tuple[float, float, float], float]:
    """Of the fused embedding: loss of the prediction, with the actions of other states, of no change; and the length of
    the deviations of the latent's numbers."""
    batch = transition(64, 3, seed=10**6)
    with torch.no_grad():
        given = observed_by(model, batch)
        h = standardise(given.fused, given.fused.flatten(0, 1))
        action = torch.cat([given.scaled_action(link) for link in batch.action.chain(3)], 1)
        network = given.head("sequence")
        found = [network(h[:, :3], action), network(h[:, :3], action.roll(1, 0)), h[:, 2]]
        losses = tuple(float(seq_jepa(x, h[:, 3]).total) for x in found)
    return losses, float(given.fused.flatten(0, 1).std(0).norm())  # type: ignore[return-value]


def test_refuses_what_it_cannot_chain() -> None:
    model = build_seeded_model(tiny_recipe(objective=SMALL))
    with pytest.raises(ValueError, match=r"that are no rigid motions form no sequence .* train it on turns and looks"):
        SMALL.loss(observed_by(model, transition(4, 3, seed=0, kind="push")))
    with pytest.raises(ValueError, match="min_views is 4, max_views 5, and a state has 3 outcomes; give at least 1"):
        replace(SMALL, min_views=4, max_views=5).loss(observed_by(model, transition(4, 3, seed=0)))
