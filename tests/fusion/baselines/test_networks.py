"""Networks against their formulae in plain loops, and what each does with an absent sense."""

import math

import pytest
import torch
from torch.nn import functional as F

from smcrep.fusion.baselines.concatenation import Concatenation, ConcatenationZeros
from smcrep.fusion.baselines.cross_attention import CrossAttention
from smcrep.fusion.baselines.equal_mean import EqualMean
from smcrep.fusion.baselines.film import FiLM
from smcrep.fusion.baselines.gated import GatedUnit
from smcrep.fusion.baselines.graph import GraphAttention
from smcrep.fusion.baselines.mlp import IntermediateMLP
from smcrep.fusion.baselines.per_sense import network_input
from smcrep.fusion.baselines.skip import AddedToMean
from smcrep.fusion.baselines.transformer import LateFusionTransformer
from smcrep.fusion.method import FitSettings
from smcrep.transition import Beliefs

SMALL = FitSettings(width=4, heads=2, num_layers=1)


def drawn(num_senses: int = 3) -> Beliefs:
    g = torch.Generator().manual_seed(0)
    mean = torch.randn(2, num_senses, 5, generator=g, dtype=torch.float64)
    present = torch.ones(2, num_senses, dtype=torch.bool)
    present[1, 0] = False
    return Beliefs(mean, torch.zeros_like(mean), present)


def test_concatenation_with_zeros_by_hand() -> None:
    beliefs = Beliefs(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.zeros(1, 2, 1), torch.tensor([[True, False]]))
    assert ConcatenationZeros()(beliefs).tolist() == [[1, 2, 0, 0]]


def test_zeros_cost_a_cosine_of_one_over_root_two() -> None:
    mean = F.normalize(torch.randn(1, 2, 8, generator=torch.Generator().manual_seed(0)), dim=-1).expand(2, 2, 8)
    present = torch.tensor([[True, True], [True, False]])
    whole, part = ConcatenationZeros()(Beliefs(mean, torch.zeros(2, 2, 1), present))
    assert F.cosine_similarity(whole, part, dim=0).item() == pytest.approx(math.sqrt(0.5))


def test_concatenation_puts_its_token_where_a_sense_is_absent() -> None:
    method = Concatenation(2, 2)
    beliefs = Beliefs(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.zeros(1, 2, 1), torch.tensor([[False, True]]))
    assert method(beliefs).tolist() == [[*method.absent[0].tolist(), 3, 4]]


def test_equal_mean_by_hand() -> None:
    mean = torch.tensor([[1.0, 2.0], [5.0, 6.0]]).expand(3, 2, 2)
    present = torch.tensor([[True, True], [False, True], [False, False]])
    assert EqualMean()(Beliefs(mean, torch.zeros(3, 2, 1), present)).tolist() == [[3, 4], [5, 6], [0, 0]]


def test_a_skip_starts_as_the_mean_and_adds_the_network() -> None:
    beliefs = drawn()
    inner = GatedUnit(3, 5, SMALL).double()
    method = AddedToMean(inner, 4, 5).double()
    mean = EqualMean()(beliefs)
    assert torch.equal(method(beliefs), mean)
    method.out.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(method(beliefs), mean + inner(beliefs) @ method.out.weight.T)


def test_intermediate_network_with_a_token_for_an_absent_sense() -> None:
    method = IntermediateMLP(3, 5, SMALL).double()
    beliefs = drawn()
    for i in range(2):
        hidden = []
        for m in range(3):
            code = F.gelu(5**0.5 * beliefs.mean[i, m] @ method.sense.weight[m] + method.sense.bias.view(3, 4)[m])
            hidden.append(code if beliefs.present[i, m] else method.absent[m])
        torch.testing.assert_close(method(beliefs)[i], method.joint(torch.cat(hidden)))


def test_gated_unit_in_loops() -> None:
    method = GatedUnit(3, 5, SMALL).double()
    beliefs = drawn()
    for i in range(2):
        there = beliefs.present[i].double()
        read = torch.cat([torch.cat([5**0.5 * beliefs.mean[i, m] * there[m], there[m : m + 1]]) for m in range(3)])
        fused = torch.zeros(4, dtype=torch.float64)
        for m in range(3):
            rows = slice(4 * m, 4 * m + 4)
            gate = 1 / (1 + torch.exp(-(method.gate.weight[rows] @ read + method.gate.bias[rows])))
            code = torch.tanh(5**0.5 * beliefs.mean[i, m] @ method.sense.weight[m] + method.sense.bias.view(3, 4)[m])
            fused += there[m] * gate * code
        torch.testing.assert_close(method(beliefs)[i], fused)


def test_film_in_loops() -> None:
    method = FiLM(3, 5, SMALL).double()
    beliefs = drawn()
    for i in range(2):
        present = [m for m in range(3) if beliefs.present[i, m]]
        modulated = []
        for m in present:
            codes = [F.gelu(method.condition(5**0.5 * beliefs.mean[i])[j]) for j in present if j != m]
            condition = sum(codes) / len(codes)
            made = condition @ method.generator.weight[m] + method.generator.bias.view(3, 8)[m]
            modulated.append((1 + made[:4]) * method.sense(5**0.5 * beliefs.mean[i])[m] + made[4:])
        torch.testing.assert_close(method(beliefs)[i], method.out(sum(modulated) / len(present)))


def test_graph_attention_in_loops() -> None:
    layer = GraphAttention(4).double()
    g = torch.Generator().manual_seed(0)
    h = torch.randn(3, 4, generator=g, dtype=torch.float64)
    present = torch.tensor([True, False, True])
    out = layer(h, present)
    mapped = [layer.linear.weight @ h[i] for i in range(3)]
    for i in (0, 2):
        energy = []
        for j in (0, 2):
            e = (layer.receive.weight[0] @ mapped[i] + layer.send.weight[0] @ mapped[j]).item()
            energy.append(e if e > 0 else 0.2 * e)
        share = [math.exp(e) / sum(math.exp(x) for x in energy) for e in energy]
        mixed = share[0] * mapped[0] + share[1] * mapped[2]
        expected = torch.where(mixed > 0, mixed, mixed.exp() - 1)
        torch.testing.assert_close(out[i], expected)


def test_a_sense_never_attends_to_itself_in_cross_attention() -> None:
    """With one sense alone, and no residual of its own, the result depends on the learned token of nothing alone."""
    method = CrossAttention(2, 5, SMALL).double()
    beliefs = drawn(2)
    beliefs.present[:] = torch.tensor([True, False])
    read: list[torch.Tensor] = []
    method.blocks[0].attention.register_forward_hook(lambda module, inputs, output: read.append(output[:, 0]))
    method(beliefs)
    torch.testing.assert_close(read[0][0], read[0][1])  # two rows, two embeddings, one and the same thing read


@pytest.mark.parametrize("readout", ["mean", "cls"])
def test_late_fusion_transformer_reads_what_it_says(readout: str) -> None:
    method = LateFusionTransformer(2, 5, FitSettings(width=4, heads=2, num_layers=0, readout=readout)).double()
    beliefs = drawn(2)
    tokens = method.tokens.project(network_input(beliefs))
    tokens[1, 0] = method.absent[0]
    if readout == "cls":
        expected = method.out(method.norm(method.cls)).expand(2, 4)
    else:
        expected = method.out(method.norm(tokens).mean(1))
    torch.testing.assert_close(method(beliefs), expected)
