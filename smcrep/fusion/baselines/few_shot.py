"""Few-shot recognition by each sense alone: the logits that deciders fuse."""

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.fusion.method import Decisions, seen
from smcrep.transition import Beliefs


def class_means(beliefs: Beliefs, label: Tensor, num_classes: int) -> Tensor:
    """[m, c, d]: mean of each sense over the labelled rows [n] of each class 0..c-1 in which it is present; zeros
    where it never is."""
    one_hot = F.one_hot(label, num_classes).to(beliefs.mean)
    total = torch.einsum("nc,nmd->mcd", one_hot, seen(beliefs))
    count = torch.einsum("nc,nm->mc", one_hot, beliefs.present.to(one_hot))
    return total / count.clamp_min(1)[..., None]


def few_shot_logits(beliefs: Beliefs, means: Tensor, temperature: float) -> Tensor:
    """cos(x_m, mean_mc) / temperature: [..., m, c] for ``means`` [m, c, d]; zeros where the sense is absent."""
    directions = F.normalize(means, dim=-1)
    return torch.einsum("...md,mcd->...mc", F.normalize(seen(beliefs), dim=-1), directions) / temperature


def draw_decisions(
    beliefs: Beliefs,
    label: Tensor,
    *,
    num_ways: int,
    num_shots: int,
    num_queries: int,
    num_episodes: int,
    temperature: float,
    generator: torch.Generator,
    clean: Tensor | None = None,
    severity: Tensor | None = None,
) -> Decisions:
    """Few-shot decisions among training objects, as they will be made among unseen ones: in each episode ``num_ways``
    objects are drawn, ``num_shots`` rows of each become class means and up to ``num_queries`` others are told apart.

    beliefs, label  [n]: rows and int64 [n], which object each is of.
    clean           bool [n]: rows that may be labelled; all without it. Others are queries alone.
    severity        [n, m], goes into the result.
    """
    rows = [torch.nonzero(label == c).flatten() for c in label.unique()]
    clean = torch.ones(len(label), dtype=torch.bool) if clean is None else clean
    usable = [r for r in rows if len(r) > num_shots and int(clean[r].sum()) >= num_shots]
    if len(usable) < num_ways:
        raise ValueError(
            f"draw_decisions: {len(usable)} objects have more than {num_shots} rows to label, {num_ways} are needed; "
            "lower num_ways or num_shots"
        )
    logits, index, target = [], [], []
    for _ in range(num_episodes):
        support, query = [], []
        for way in torch.randperm(len(usable), generator=generator)[:num_ways].tolist():
            mixed = usable[way][torch.randperm(len(usable[way]), generator=generator)]
            mixed = mixed[torch.argsort((~clean[mixed]).int(), stable=True)]  # clean rows first
            support.append(mixed[:num_shots])
            others = mixed[num_shots:]
            query.append(others[torch.randperm(len(others), generator=generator)[:num_queries]])
        way_of_support = torch.arange(num_ways).repeat_interleave(num_shots)
        means = class_means(beliefs[torch.cat(support)], way_of_support, num_ways)
        logits.append(few_shot_logits(beliefs[torch.cat(query)], means, temperature))
        index.append(torch.cat(query))
        target.append(torch.arange(num_ways).repeat_interleave(torch.tensor([len(q) for q in query])))
    row = torch.cat(index)
    return Decisions(
        logits=torch.cat(logits),
        beliefs=beliefs[row],
        label=torch.cat(target),
        index=row,
        severity=None if severity is None else severity[row],
    )
