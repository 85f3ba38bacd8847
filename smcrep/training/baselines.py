"""What the sensorimotor objective is compared with: published objectives on the same observations and networks.

Views of a state stand where the papers have augmented views of a picture. Each sense and the fused embedding has the
loss of its own, and the total is their mean.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from smcrep.models.model import FUSED, SensorimotorModel
from smcrep.objectives.equimod import EquiModWeights, equimod
from smcrep.objectives.instance_contrast import instance_contrast
from smcrep.objectives.processes import processes
from smcrep.transition import Beliefs, Loss, Transition

Baseline = Callable[[SensorimotorModel, Beliefs, Tensor, Transition], Loss]

SIMCLR_TEMPERATURE = 0.1
"""The paper's 0.5 for CIFAR-10 goes with batches of hundreds; from 16 states it teaches next to nothing: 15-way 1-shot
of unseen scans .19 after 800 steps."""


def simclr_loss(model: SensorimotorModel, beliefs: Beliefs, fused: Tensor, transition: Transition) -> Loss:
    """SimCLR (arXiv:2002.05709) on all views at once: what is left of our objective where nothing is predicted."""
    everywhere = torch.ones(fused.shape[:2], dtype=torch.bool, device=fused.device)
    losses = {}
    for sense, z in _latents(beliefs, fused).items():
        projected = model.project(z[..., : model.config.invariant_dim])
        contrast = instance_contrast(projected, everywhere, SIMCLR_TEMPERATURE, processes=processes())
        assert contrast is not None  # all is present
        losses[sense] = contrast.total
    return _mean(losses)


def equimod_loss(model: SensorimotorModel, beliefs: Beliefs, fused: Tensor, transition: Transition) -> Loss:
    """EquiMod (arXiv:2211.01244) on SimCLR: the observation before stands for the picture without augmentation, two
    outcomes for its augmented views. With ``predictor="equimod"`` in the model, the predictor is the paper's too."""
    if fused.shape[1] < 3:
        raise ValueError(f"baselines: {fused.shape[1] - 1} outcome a state; two are needed, raise num_branches")
    condition = model.condition(
        transition.action[:, :2], None if transition.physics is None else transition.physics[:, :2]
    )
    gather, parts = processes().gather, {}
    for sense, z in _latents(beliefs, fused).items():
        equivariant = z[..., model.config.invariant_dim :]
        predicted = model.predict(sense, equivariant[:, :1].expand(-1, 2, -1), condition)
        a, b = (gather(view) for view in _two_views(model, z))
        before, outcome, predicted = (gather(x) for x in (equivariant[:, 0], equivariant[:, 1:3], predicted))
        # Every process has the loss of all rows: the sum in the backward pass and DDP's mean leave its gradient.
        parts[sense] = equimod(a, b, before, outcome, predicted, EquiModWeights()).total
    return _mean(parts)


BASELINES: dict[str, Baseline] = {"simclr": simclr_loss, "equimod": equimod_loss}


def _latents(beliefs: Beliefs, fused: Tensor) -> dict[str, Tensor]:
    """[b, v, d] by sense. Every sense must be there: the papers know no absent ones."""
    if not bool(beliefs.present.all()):
        raise ValueError("baselines: a sense is absent in some observations; train them where every sense is present")
    return {name: beliefs.mean[:, :, i] for i, name in enumerate(beliefs.names)} | {FUSED: fused}


def _two_views(model: SensorimotorModel, z: Tensor) -> tuple[Tensor, Tensor]:
    invariant = z[..., : model.config.invariant_dim]
    return model.project(invariant[:, 1]), model.project(invariant[:, 2])


def _mean(losses: dict[str, Tensor]) -> Loss:
    return Loss(torch.stack([*losses.values()]).mean(), {name: value.detach() for name, value in losses.items()})
