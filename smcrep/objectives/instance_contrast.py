"""Multi-view contrast: the views of a state against all views of all other states; NT-Xent of every pair at once."""

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.objectives.processes import ALONE, Processes
from smcrep.transition import Loss


def instance_contrast(z: Tensor, present: Tensor, temperature: float, *, processes: Processes = ALONE) -> Loss | None:
    """Mean over all pairs of observations i != j of one state of

        - log( exp(s_ij) / (exp(s_ij) + sum over observations n of other states of exp(s_in)) ),

    s being the cosine over ``temperature``: the multi-view form of InfoNCE, in which the other positives are no
    negatives (Khosla et al., arXiv:2004.11362, eq. 2, has them in the denominator). Of two views it is NT-Xent.

    z          [b, v, d]: v views of b states.
    present    bool [b, v]: the others are left out, as positives and as negatives.
    processes  whose states are negatives too; the mean is over the pairs of this process.

    In nats. Constant embeddings give log(1 + (b - 1) v) with all present. None where no pair is present.
    """
    if z.ndim != 3 or present.shape != z.shape[:2]:
        raise ValueError(
            f"instance_contrast: embeddings {tuple(z.shape)} and presence {tuple(present.shape)}; give them as "
            "[states, views, d] and [states, views]"
        )
    num_views = z.shape[1]
    own = F.normalize(z.flatten(0, 1), dim=-1)
    every, all_present = processes.gather(own), processes.gather(present.flatten())
    logits = own @ every.T / temperature
    row = torch.arange(len(own), device=z.device) + processes.rank * len(own)
    column = torch.arange(len(every), device=z.device)
    same = (row // num_views)[:, None] == column // num_views
    seen = present.flatten()[:, None] & all_present
    pairs = same & seen & (row[:, None] != column)
    if len(every) < 2 * num_views or not bool(pairs.any()):
        return None
    others = logits.masked_fill(same | ~seen, -torch.inf).logsumexp(1, keepdim=True)
    total = F.softplus(others - logits)[pairs].mean()
    return Loss(total, {"instance_contrast": total.detach()})
