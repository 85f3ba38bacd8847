"""Many views of each thing are told from all views of all other things: NT-Xent with every pair of views at once."""

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.transition import Loss


def instance_contrast(za: Tensor, zb: Tensor, present_a: Tensor, present_b: Tensor, temperature: float) -> Loss | None:
    """Mean over all pairs of observations (i, j) of one state, i of ``za`` and j of ``zb``, of

        - log( exp(s_ij) / (exp(s_ij) + sum over observations n of other states in zb of exp(s_in)) ),

    s being the cosine over ``temperature``: the multi-view form of InfoNCE, in which the other positives are no
    negatives (Khosla et al., arXiv:2004.11362, eq. 2, has them in the denominator).

    za, zb     [b, v, d]: v views of b states, of one sense or of two. Where both are the same tensor no observation is
               paired with itself.
    present_*  bool [b, v]: the others are left out, as positives and as negatives.

    In nats. Constant embeddings give log(1 + (b - 1) v) with all present. None where no pair is present.
    """
    if za.shape != zb.shape or za.ndim != 3 or present_a.shape != za.shape[:2] or present_b.shape != za.shape[:2]:
        raise ValueError(
            f"instance_contrast: embeddings {tuple(za.shape)} and {tuple(zb.shape)}, presence {tuple(present_a.shape)} "
            f"and {tuple(present_b.shape)}; give both as [states, views, d] and [states, views]"
        )
    num_states, num_views = za.shape[:2]
    logits = F.normalize(za.flatten(0, 1), dim=-1) @ F.normalize(zb.flatten(0, 1), dim=-1).T / temperature
    state = torch.arange(num_states, device=za.device).repeat_interleave(num_views)
    same = state[:, None] == state
    seen = present_a.flatten()[:, None] & present_b.flatten()
    pairs = same & seen
    if za is zb:
        pairs = pairs & ~torch.eye(len(state), dtype=torch.bool, device=za.device)
    if num_states < 2 or not bool(pairs.any()):
        return None
    others = logits.masked_fill(same | ~seen, -torch.inf).logsumexp(1, keepdim=True)
    total = F.softplus(others - logits)[pairs].mean()
    return Loss(total, {"instance_contrast": total.detach()})
