"""Tokens of a sense: what its encoder holds of each place before it is pooled, for policies that attend to places."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from smcrep.models.model import SensorimotorModel
from smcrep.transition import Embedding

POINT_TOKENS = 64
"""Of a cloud, whatever its number of points: those at even steps in the order of the encoder's points."""


def token_maps(
    model: SensorimotorModel, senses: dict[str, Tensor], wanted: Sequence[str]
) -> tuple[Embedding, dict[str, Tensor]]:
    """The embedding of ``senses`` [b, ...], and of each sense ``wanted`` its tokens [b, places, channels]: the places
    of the deepest map of the encoder's backbone by rows, or the points of an encoder of clouds before their maximum.
    ValueError where an encoder has neither."""
    held: dict[str, list[Tensor]] = {name: [] for name in wanted}
    with ExitStack() as hooks:
        for name in wanted:
            layer = _layer(name, model.encoders[name])
            hook = layer.register_forward_hook(
                lambda _, __, output, name=name: held[name].append(_tokens(name, output))
            )
            hooks.callback(hook.remove)
        embedding = model.embed(senses)
    num = len(embedding.fused)
    return embedding, {name: torch.cat(parts)[:num] for name, parts in held.items()}


def _layer(name: str, encoder: nn.Module) -> nn.Module:
    backbone = getattr(encoder, "backbone", None)
    if not isinstance(backbone, nn.Module):
        raise ValueError(f"{name} has no tokens: its encoder, {type(encoder).__name__}, has no backbone")
    last = getattr(backbone, "last", None)  # so encoders of clouds name what they pool over points
    return last if isinstance(last, nn.Linear) else backbone


def _tokens(name: str, output: Any) -> Tensor:
    if isinstance(output, list | tuple):  # maps [b, c, h, w], the deepest last
        return output[-1].flatten(2).transpose(1, 2)
    if output.ndim == 3:  # [b, n, c]: points before the rectifier
        step = torch.arange(POINT_TOKENS, device=output.device) * output.shape[1] // POINT_TOKENS
        return torch.relu(output.index_select(1, step))
    raise ValueError(f"{name} has no tokens: its encoder pools places before its backbone ends")
