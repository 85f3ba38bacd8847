"""OGM-GE, the usual baseline: encoders of signals that do better alone than the others take smaller steps."""

from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.training.curricula import coefficients, with_noise
from smcrep.zoo.cures.cure import Cure, Seen, Step
from smcrep.zoo.network import Parameters, losses, predict_from
from smcrep.zoo.world import SIGNALS


@dataclass(frozen=True)
class OGMGE(Cure):
    """strength: alpha of arXiv:2203.15332. Quality of a signal: probability of the true outcome among those of its
    group, with the features of the others 0. The factor is on Adam's step: on its gradient it would cancel."""

    strengths: tuple[float, ...] = (0.3, 1.0)

    @torch.no_grad()
    def pace(self, p: Parameters, seen: Seen, step: Step) -> Tensor:
        quality = torch.stack([self._alone(i, p, seen, step) for i in range(len(SIGNALS))], 1)
        k = coefficients(quality, step.strength[:, None])
        return torch.where(step.strength[:, None] > 0, k, torch.ones_like(k))

    def gradients(self, grads: dict[str, Tensor], step: Step) -> dict[str, Tensor]:
        changed = dict(grads)
        for name in (name for name in grads if name.startswith("encoder")):
            noisy = with_noise(grads[name], (-2, -1), step.generator)
            on = step.strength.view(-1, *[1] * (noisy.ndim - 1)) > 0
            changed[name] = torch.where(on & (grads[name].shape[-2] > 1), noisy, grads[name])
        return changed

    def _alone(self, signal: int, p: Parameters, seen: Seen, step: Step) -> Tensor:
        """[m]"""
        only = torch.zeros_like(seen.found)
        only[:, signal] = seen.found[:, signal]
        predicted = predict_from(p, only, step.architecture, step.stack)
        if step.architecture.objective == "contrastive":
            return (-losses(predicted, seen.observed, step.architecture, step.draws.group_size)).exp().mean(1)
        groups = (x.unflatten(1, (-1, step.draws.group_size)) for x in (predicted, seen.observed))
        told, happened = groups
        error = (told[:, :, :, None] - happened[:, :, None]).square().sum(-1)
        return (-error).softmax(-1).diagonal(dim1=-2, dim2=-1).mean((-2, -1))
