"""Vision, text and action brought together: rows that mean the same are near, in every pair and both directions."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.transition import Loss

FIRST_LOG_SCALE = math.log(1 / 0.07)
"""Of the learned inverse temperature, as CLIP has it (arXiv:2103.00020, sec. 2.5)."""
MAX_LOG_SCALE = math.log(100)
"""Its largest, from the same."""

Pair = tuple[str, str]


def directed_contrast(query: Tensor, candidates: Tensor, positive: Tensor, scale: Tensor) -> Tensor:
    """[]: mean over queries of the mean over their positives p of -log softmax_p(scale cosine) (InfoNCE with several
    positives: L_out of arXiv:2004.11362, eq. 2). query [n, d], candidates [m, d], of unit length; positive bool [n, m],
    at least one in each row."""
    log_share = (scale * query @ candidates.T).log_softmax(-1)
    return -(torch.where(positive, log_share, 0).sum(-1) / positive.sum(-1)).mean()


def alignment_loss(
    embeddings: Mapping[str, Tensor],
    log_scales: Mapping[Pair, Tensor],
    meaning: Tensor | None = None,
    present: Mapping[str, Tensor] | None = None,
) -> Loss:
    """Mean over all pairs of ``log_scales`` and both directions of `directed_contrast`: six terms of three sources.

    embeddings  name -> [n, d]; made of unit length here. Vision may be several: senses, and fused.
    log_scales  pair of names -> log of its inverse temperature, held below ln 100; these pairs are contrasted.
    meaning     int64 [n]: rows with equal numbers are positives of each other (the same instruction given twice is no
                negative); None: each row is its own.
    present     name -> bool [n]; rows where either of a pair is absent take no part in it. A pair without two rows is
                left out, and all pairs without: ValueError.

    Constant embeddings give log n where each row is its own. One process only: under DDP each rank contrasts its own
    rows.
    """
    terms: dict[str, Tensor] = {}
    for (a, b), log_scale in log_scales.items():
        missing = [name for name in (a, b) if name not in embeddings]
        if missing:
            raise ValueError(f"alignment: no embeddings of {missing[0]!r}; it has {', '.join(embeddings)}")
        rows = torch.ones(len(embeddings[a]), dtype=torch.bool, device=embeddings[a].device)
        for name in (a, b):
            rows = rows & (present or {}).get(name, torch.ones_like(rows))
        if int(rows.sum()) < 2:
            continue
        za, zb = (F.normalize(embeddings[name][rows], dim=-1) for name in (a, b))
        same = torch.arange(len(za), device=za.device) if meaning is None else meaning[rows]
        positive, scale = same[:, None] == same, log_scale.clamp(max=MAX_LOG_SCALE).exp()
        terms[f"{a}->{b}"] = directed_contrast(za, zb, positive, scale)
        terms[f"{b}->{a}"] = directed_contrast(zb, za, positive, scale)
    if not terms:
        raise ValueError("alignment: no pair has two rows in which both are present; give larger batches")
    return Loss(torch.stack(list(terms.values())).mean(), {name: term.detach() for name, term in terms.items()})


class Aligner(nn.Module):
    """Each source through two layers into one space of ``dim`` numbers, and a learned temperature for each pair.

    num_numbers  name -> numbers of its embedding: "text", "action", "fused", names of senses, whatever there is.
    pairs        that are contrasted; None: all.
    """

    def __init__(self, num_numbers: Mapping[str, int], dim: int = 128, pairs: Sequence[Pair] | None = None) -> None:
        super().__init__()
        self.pairs = tuple(combinations(num_numbers, 2) if pairs is None else pairs)
        for pair in self.pairs:
            if len(set(pair)) != 2 or not set(pair) <= set(num_numbers):
                raise ValueError(f"Aligner: {pair} is no pair of {', '.join(num_numbers)}")
        if not self.pairs:
            raise ValueError("Aligner: nothing to align; give at least two sources and one pair")
        self.names = tuple(num_numbers)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(d, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim)) for d in num_numbers.values()
        )
        self.log_scale = nn.Parameter(torch.full((len(self.pairs),), FIRST_LOG_SCALE))

    def forward(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """name -> [n, d] -> [n, dim] of unit length, of the names that are given."""
        unknown = sorted(set(given) - set(self.names))
        if unknown:
            raise ValueError(f"Aligner: no source {unknown[0]!r}; it has {', '.join(self.names)}")
        layers = dict(zip(self.names, self.layers, strict=True))
        return {name: F.normalize(layers[name](x), dim=-1) for name, x in given.items()}

    def loss(
        self, given: Mapping[str, Tensor], meaning: Tensor | None = None, present: Mapping[str, Tensor] | None = None
    ) -> Loss:
        """`alignment_loss` of what is given; rows of an absent source may hold anything."""
        clean = {
            name: x if present is None or name not in present else torch.where(present[name][:, None], x, 0)
            for name, x in given.items()
        }
        scales = dict(zip(self.pairs, self.log_scale, strict=True))
        known = {pair: scale for pair, scale in scales.items() if set(pair) <= set(given)}
        return alignment_loss(self(clean), known, meaning, present)
