"""Tokens beside a frozen tower: our embeddings as a few more tokens before those that a language model already reads.

The tower's own vision stays. Replacing it was tried by others and left 0 to 4 % of 60 % success; tokens beside it can
be masked, and then nothing has changed.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from smcrep.vla.policy import Sources

Tower = Callable[[Tensor, Tensor, Tensor], Tensor]
"""embeddings [b, n, w], visible bool [b, n], positions int64 [b, n] -> hidden states [b, n, w]."""


class Connector(nn.Module):
    """`Sources` -> tokens [b, s, w] for a tower, visible bool [b, s]; ``num_tokens`` of each number vector of a source.

    num_numbers  name -> numbers of its embedding, or of each of its tokens; s follows its order.
    norm         length that tokens have at first: that of the tower's own (`mean_norm`). A mismatch of 60 to 36 was
                 among the causes of failure in MultiSmolVLA. A learned gain of each source starts at 1.
    """

    def __init__(self, num_numbers: Mapping[str, int], width: int, *, norm: float, num_tokens: int = 1) -> None:
        super().__init__()
        if not num_numbers or norm <= 0 or num_tokens < 1:
            raise ValueError("Connector: give at least one source, a norm above 0, and at least one token")
        self.names, self.norm, self.num_tokens = tuple(num_numbers), norm, num_tokens
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(d, width), nn.GELU(), nn.Linear(width, num_tokens * width))
            for d in num_numbers.values()
        )
        self.gain = nn.Parameter(torch.ones(len(num_numbers)))

    def forward(self, sources: Sources) -> tuple[Tensor, Tensor]:
        tokens, visible = [], []
        for name, layer, gain in zip(self.names, self.layers, self.gain, strict=True):
            if name not in sources.data:
                raise ValueError(f"Connector: source {name!r} is missing; give its data, or zeros and present=False")
            x = sources.data[name]
            x = x[:, None] if x.ndim == 2 else x
            present = sources.present.get(name, torch.ones(len(x), dtype=torch.bool, device=x.device))
            made = layer(torch.where(present[:, None, None], x, 0)).unflatten(-1, (self.num_tokens, -1)).flatten(1, 2)
            made = gain * self.norm * nn.functional.normalize(made, dim=-1)
            tokens.append(torch.where(present[:, None, None], made, 0))
            visible.append(present[:, None].expand(-1, made.shape[1]))
        return torch.cat(tokens, 1), torch.cat(visible, 1)


def beside(tower: Tower, own: Tensor, own_visible: Tensor, tokens: Tensor, visible: Tensor) -> Tensor:
    """Hidden states [b, n, w] of the tower's ``own`` embeddings [b, n, w], with ``tokens`` [b, s, w] before them.

    Positions count what is visible, so hidden tokens shift nothing, and what stands in them changes nothing, to the
    bit. Where a whole batch has no token, the tower runs without: to the bit as if none had ever been added. In a batch
    that has some, rows without differ from that by how the tower's attention rounds over a longer row (0 to 1e-7 in
    float32).
    """
    positions = own_visible.long().cumsum(1) - 1
    if not visible.any():
        return tower(own, own_visible, positions.clamp(min=0))
    everything = torch.cat([visible, own_visible], 1)
    positions = (everything.long().cumsum(1) - 1).clamp(min=0)
    return tower(torch.cat([tokens, own], 1), everything, positions)[:, tokens.shape[1] :]


def decoder_tower(model: nn.Module) -> Tower:
    """A decoder of transformers (`LlamaModel`, SmolVLM's ``text_model``; of version 5) as a `Tower`. It is frozen in
    place; gradients pass through it to the tokens."""
    model.requires_grad_(False)

    def tower(embeddings: Tensor, visible: Tensor, positions: Tensor) -> Tensor:
        return model(
            inputs_embeds=embeddings, attention_mask=visible.long(), position_ids=positions, use_cache=False
        ).last_hidden_state

    return tower


def mean_norm(embeddings: Tensor, visible: Tensor) -> float:
    """Mean length of the visible embeddings [b, n, w]."""
    return float(embeddings.detach()[visible].norm(dim=-1).mean())
