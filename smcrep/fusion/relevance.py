"""Contextual relevance: which sense matters for what is asked now, beside how precise each is.

A sense may be precise and beside the point: the colour, where the shape is asked. Relevance r_m(c) > 0 of sense m in a
context c (an action, a task, a pose, as numbers) multiplies its precision before the product of Gaussians,

    mean_d = sum_m r_m(c) p_md mean_md / sum_m r_m(c) p_md,    log r(c) = W c

W starts at 0: every sense is as relevant as the others, and the rule is `precision_weighted`.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.fusion.method import FitSettings
from smcrep.fusion.precision import precision_weighted
from smcrep.transition import Beliefs


class ContextualRelevance(nn.Module):
    """(beliefs over ``num_senses`` senses, context [..., ``num_context``]) -> fused [..., d], weight [..., m]. Of a
    categorical context give one number a category, 1 where it holds."""

    def __init__(self, num_senses: int, num_context: int) -> None:
        super().__init__()
        self.log_relevance = nn.Linear(num_context, num_senses, bias=False)
        nn.init.zeros_(self.log_relevance.weight)

    def forward(self, beliefs: Beliefs, context: Tensor) -> tuple[Tensor, Tensor]:
        relevance = self.log_relevance(context)
        return precision_weighted(replace(beliefs, log_precision=beliefs.log_precision + relevance[..., None]))

    def within(self, context: Tensor) -> Callable[[Beliefs], tuple[Tensor, Tensor]]:
        """The rule in one context [num_context] for all beliefs."""
        return lambda beliefs: self(beliefs, context)


def fit_relevance(
    relevance: ContextualRelevance,
    beliefs: Beliefs,
    context: Tensor,
    label: Tensor,
    settings: FitSettings,
    *,
    generator: torch.Generator,
) -> Tensor:
    """Learn W by the loss of `smcrep.fusion.baselines.fitting.fit`: cross-entropy of cos(fused, w_c) / temperature over
    the training classes c, whose directions are learned too and thrown away. Returns the loss of each step [steps].

    beliefs [n], context [n, num_context], label int64 [n]: the answer to what the context asks; answers to different
    questions are different classes.
    """
    if len(context) != len(label) or len(beliefs.present) != len(label):
        raise ValueError(
            f"fit_relevance: {len(beliefs.present)} beliefs, {len(context)} contexts, {len(label)} labels; give one "
            "context and one label of each"
        )
    _, target = label.unique(return_inverse=True)
    classes = torch.randn(int(target.max()) + 1, beliefs.mean.shape[-1], generator=generator)
    directions = nn.Parameter(classes.to(beliefs.mean))
    optimiser = torch.optim.AdamW([*relevance.parameters(), directions], settings.lr, weight_decay=0.0)
    losses = []
    for _ in range(settings.steps):
        rows = torch.randint(len(label), (settings.batch,), generator=generator)
        fused, _ = relevance(beliefs[rows], context[rows])
        cosine = F.normalize(fused, dim=-1) @ F.normalize(directions, dim=-1).T
        loss = F.cross_entropy(cosine / settings.temperature, target[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)
