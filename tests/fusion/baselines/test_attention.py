"""Attention against torch's own layers, whose weights are copied."""

import torch
from torch import nn

from smcrep.fusion.baselines.attention import Attention, Block
from smcrep.fusion.baselines.latents import PerceiverResampler, QFormerLayer
from smcrep.fusion.baselines.per_sense import SenseLinear, Tokens
from smcrep.fusion.method import FitSettings
from smcrep.transition import Beliefs


def inputs(dtype: torch.dtype = torch.float64):
    g = torch.Generator().manual_seed(0)
    return torch.randn(3, 2, 8, generator=g, dtype=dtype), torch.randn(3, 5, 8, generator=g, dtype=dtype)


def torchs_own(attention: Attention, heads: int) -> nn.MultiheadAttention:
    own = nn.MultiheadAttention(8, heads, batch_first=True).double()
    own.in_proj_weight.data = torch.cat([attention.query.weight, attention.key_value.weight]).data
    own.in_proj_bias.data = torch.cat([attention.query.bias, attention.key_value.bias]).data
    own.out_proj.load_state_dict(attention.out.state_dict())
    return own


def test_attention_is_that_of_torch() -> None:
    attention = Attention(8, 2).double()
    queries, context = inputs()
    visible = torch.tensor([[True, True, False, True, False]]).expand(3, 5)
    expected, _ = torchs_own(attention, 2)(queries, context, context, key_padding_mask=~visible)
    torch.testing.assert_close(attention(queries, context, visible[:, None, :]), expected)


def test_each_query_can_have_its_own_context() -> None:
    attention = Attention(8, 2).double()
    queries, context = inputs()
    visible = torch.tensor([[True, False, False, True, False], [False, True, True, True, True]])
    expected, _ = torchs_own(attention, 2)(queries, context, context, attn_mask=~visible)
    torch.testing.assert_close(attention(queries, context, visible), expected)


def test_a_block_is_that_of_torchs_encoder_with_norms_first() -> None:
    block = Block(8, 2).double()
    own = nn.TransformerEncoderLayer(
        8, 2, 16, dropout=0, activation="gelu", batch_first=True, norm_first=True, dtype=torch.float64
    )
    own.self_attn.load_state_dict(torchs_own(block.attention, 2).state_dict())
    own.linear1.load_state_dict(block.mlp[0].state_dict())
    own.linear2.load_state_dict(block.mlp[2].state_dict())
    _, x = inputs()
    torch.testing.assert_close(block(x, x, torch.ones(1, 5, dtype=torch.bool)), own(x))


def test_each_sense_has_its_own_matrix() -> None:
    layer = SenseLinear(3, 4, 2).double()
    x = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for m in range(3):
        expected = x[:, m] @ layer.weight[m] + layer.bias[2 * m : 2 * m + 2]
        torch.testing.assert_close(layer(x)[:, m], expected)
    assert layer.weight.abs().max() <= 0.5  # 1 / sqrt(4), as torch's linear layers
    assert layer.weight.std() > 0.2


def test_tokens_of_a_sense_follow_each_other() -> None:
    """Of embeddings scaled by sqrt(4)."""
    tokens = Tokens(2, 4, 3, 2).double()
    mean = torch.randn(5, 2, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    present = torch.tensor([True, False]).expand(5, 2)
    out, there = tokens(Beliefs(mean, torch.zeros(5, 2, 1), present))
    assert there[0].tolist() == [True, True, False, False]
    torch.testing.assert_close(out[:, :2].flatten(1), tokens.project(2 * mean)[:, 0])
    assert (out[:, 2:] == 0).all()


def test_queries_attend_to_each_other_before_they_read() -> None:
    layer = QFormerLayer(8, 2).double()
    x, context = inputs()
    visible = torch.ones(1, 5, dtype=torch.bool)
    own = layer.norm_x(x)
    among, _ = torchs_own(layer.among, 2)(own, own, own)
    torch.testing.assert_close(layer(x, context, visible), layer.across(x + among, context, visible))


def test_latents_read_the_senses_and_themselves_as_they_are_by_now() -> None:
    settings = FitSettings(width=8, heads=2, num_layers=2, num_latents=3)
    method = PerceiverResampler(2, 4, settings).double()
    blocks: list[tuple[torch.Tensor, ...]] = []
    for block in method.blocks:
        block.register_forward_pre_hook(lambda module, arguments: blocks.append(arguments))
    present = torch.tensor([[True, False]])
    method(Beliefs(torch.ones(1, 2, 4, dtype=torch.float64), torch.zeros(1, 2, 1), present))
    assert len(blocks) == 2
    for x, context, visible in blocks:
        assert torch.equal(context[:, 2:], x)
        assert visible.tolist() == [[[True, False, True, True, True]]]
    assert torch.equal(blocks[0][0][0], method.latents)
    assert not torch.equal(blocks[1][0][0], method.latents)
