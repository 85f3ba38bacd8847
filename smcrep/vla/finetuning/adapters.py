"""Adapters (arXiv:1902.00751, sec. 2): a bottleneck behind a frozen layer, 2 d m + d + m numbers each."""

import torch
from torch import Tensor, nn

from smcrep.vla.finetuning.chosen import chosen


class Bottleneck(nn.Module):
    """x + up(gelu(down x)), d -> m -> d; up starts at zero, so nothing changes at first."""

    def __init__(self, dim: int, bottleneck: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(dim, bottleneck), nn.Linear(bottleneck, dim)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.up(nn.functional.gelu(self.down(x)))


class Adapted(nn.Module):
    """A frozen linear layer, and an adapter of what it gives."""

    def __init__(self, layer: nn.Linear, bottleneck: int) -> None:
        super().__init__()
        self.layer = layer
        self.adapter = Bottleneck(layer.out_features, bottleneck).to(layer.weight)

    @property
    def weight(self) -> Tensor:
        """Of the frozen layer: its neighbours ask for its type and place."""
        return self.layer.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.adapter(self.layer(x))


def add_adapters(model: nn.Module, pattern: str, *, bottleneck: int = 64) -> list[str]:
    """An adapter behind every linear layer whose name the regular expression matches; they alone learn. Changed in
    place; the names are returned. Houlsby's place them behind the projection of attention and behind the MLP:
    ``r".*\\.(attn\\.proj|mlp\\.fc2)"`` of a timm transformer."""
    names = chosen(model, pattern, nn.Linear)
    model.requires_grad_(False)
    for name in names:
        layer = model.get_submodule(name)
        assert isinstance(layer, nn.Linear)
        with torch.device(layer.weight.device):
            model.set_submodule(name, Adapted(layer, bottleneck))
    return names
