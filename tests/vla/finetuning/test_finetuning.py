"""Published counts, and that each way changes nothing at first, learns, and leaves the frozen weights as they were."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from smcrep.vla.finetuning import (
    add_adapters,
    add_lora,
    add_prefixes,
    chosen,
    load_lora,
    merged,
    only_biases,
    trainable,
)
from smcrep.vla.finetuning.prefix import PrefixAttention
from tests.extraction.extractions import small_model

VIT = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2, "num_classes": 0}
BLOCKS = r"blocks\.\d+\."


def vit(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return timm.models.VisionTransformer(**VIT).eval()


def picture() -> torch.Tensor:
    return torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


WAYS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "lora": lambda m: add_lora(m, BLOCKS + r"attn\.qkv"),
    "adapters": lambda m: (add_adapters(m, BLOCKS + r"(attn\.proj|mlp\.fc2)", bottleneck=4), m)[1],
    "prefix": lambda m: (add_prefixes(m, num=3), m)[1],
    "biases": lambda m: (only_biases(m), m)[1],
}
EVERY = pytest.mark.parametrize("way", WAYS)


def test_lora_of_a_square_of_1024_by_rank_8_is_1_56_per_cent() -> None:
    model = nn.Sequential(nn.Linear(1024, 1024, bias=False))
    count = trainable(add_lora(model, "0", rank=8))
    assert count.num == 16_384
    assert count.num / 1024**2 == pytest.approx(0.0156, abs=5e-5)
    assert count.share == 16_384 / (1024**2 + 16_384)


@pytest.mark.parametrize(
    ("model", "way", "num"),
    [
        ("vit_small_patch16_224", lambda m: add_lora(m, BLOCKS + r"attn\.qkv", rank=16), 294_912),
        ("vit_small_patch16_224", lambda m: add_lora(m, BLOCKS + r"attn\.(qkv|proj)", rank=16), 442_368),
        ("vit_base_patch16_224", lambda m: (add_adapters(m, BLOCKS + r"(attn\.proj|mlp\.fc2)"), m)[1], 2_379_264),
        ("vit_base_patch16_224", lambda m: (add_prefixes(m), m)[1], 184_320),
        ("vit_base_patch16_224", lambda m: (only_biases(m), m)[1], 102_912),
    ],
    ids=["lora_qkv", "lora_qkv_proj", "adapters", "prefix", "bitfit"],
)
def test_published_counts(model: str, way: Callable[[nn.Module], nn.Module], num: int) -> None:
    with torch.device("meta"):  # counts need no memory
        assert trainable(way(timm.create_model(model, num_classes=0))).num == num


@EVERY
def test_frozen_weights_stay_and_what_learns_changes_the_output(way: str) -> None:
    plain, model = vit(), WAYS[way](vit())
    x, before = picture(), plain(picture())
    if way == "prefix":
        assert not torch.allclose(model(x), before, atol=1e-5)  # learned keys are attended to from the start
    else:
        assert torch.allclose(model(x), before, atol=1e-6)
    learning = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(learning, 0.1)
    for _ in range(2):
        optimiser.zero_grad()
        model(x).square().sum().backward()
        optimiser.step()
    assert not torch.allclose(model(x), before, atol=1e-3)
    frozen = {_own(name): p for name, p in model.named_parameters() if not p.requires_grad}
    kept = [name for name, p in plain.named_parameters() if not name.endswith("bias") or way != "biases"]
    assert frozen.keys() == set(kept)
    for name in kept:
        assert torch.equal(frozen[name], plain.get_parameter(name))


def _own(name: str) -> str:
    """The name in the plain model of a frozen parameter in a tuned one."""
    return re.sub(r"\b(base_model\.model|base_layer|attention|layer)\.", "", name)


def test_merged_equals_unmerged() -> None:
    model = add_lora(vit(), BLOCKS + r"(attn\.qkv|mlp\.fc1)", rank=4).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.1)
        unmerged, plain = model(picture()), vit()(picture())
        whole = merged(model)(picture())
    assert torch.allclose(whole, unmerged, atol=1e-5)
    assert not torch.allclose(whole, plain, atol=1e-2)


def test_lora_is_alpha_over_rank_times_the_product() -> None:
    layer = nn.Sequential(nn.Linear(5, 3))
    model = add_lora(layer, "0", rank=2, alpha=6)
    lora = model.get_submodule("base_model.model.0")
    a, b = lora.lora_A["default"].weight, lora.lora_B["default"].weight
    with torch.no_grad():
        b.normal_()
        x = torch.randn(4, 5)
        wanted = lora.base_layer(x) + 3 * x @ a.T @ b.T
    assert torch.allclose(model(x), wanted, atol=1e-6)


def test_lora_of_our_model_embeds_and_comes_back_from_disk(tmp_path: Path) -> None:
    import smcrep

    run = small_model(tmp_path / "run")
    cloud = 0.05 * torch.randn(3, 20, 3) + torch.tensor([0, 0, 0.5])

    def model() -> nn.Module:
        return smcrep.from_pretrained(run)

    before = model().embed(points=cloud).fused
    tuned = add_lora(model(), r"encoders\.points\..*", rank=2)
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.5)
    after = tuned.embed(points=cloud).fused
    assert not torch.allclose(after, before, atol=1e-3)
    tuned.save_pretrained(str(tmp_path / "lora"))
    assert torch.equal(load_lora(model(), tmp_path / "lora").embed(points=cloud).fused, after)
    assert torch.allclose(merged(tuned).embed(points=cloud).fused, after, atol=1e-5)


def test_prefix_attention_written_out() -> None:
    """Softmax over learned and own keys, one head, one token at a time."""
    own = vit().blocks[0].attn
    layer = PrefixAttention(own, 2)
    with torch.no_grad():
        layer.key.normal_()
        layer.value.normal_()
        x = torch.randn(1, 4, 32)
        qkv = own.qkv(x)[0].view(4, 3, 2, 16)
        rows = []
        for token in range(4):
            heads = []
            for head in range(2):
                keys = torch.cat([layer.key[head], qkv[:, 1, head]])
                values = torch.cat([layer.value[head], qkv[:, 2, head]])
                share = (keys @ qkv[token, 0, head] / 4).softmax(0)
                heads.append(share @ values)
            rows.append(own.proj(torch.cat(heads)))
        assert torch.allclose(layer(x)[0], torch.stack(rows), atol=1e-5)
        assert torch.allclose(PrefixAttention(own, 0)(x), own(x), atol=1e-6)
    with pytest.raises(ValueError, match="mask"):
        layer(x, is_causal=True)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="matches none of"):
        chosen(vit(), "qkv", nn.Linear)
    with pytest.raises(ValueError, match="no biases"):
        only_biases(nn.Linear(2, 2, bias=False))
    with pytest.raises(ValueError, match="no adapter_model"):
        load_lora(vit(), ".")
