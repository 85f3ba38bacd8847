"""From a recipe to the things that a run needs: hardware, model, optimiser."""

from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import nn

from smcrep.hub import build_model
from smcrep.models.model import SensorimotorModel
from smcrep.models.pretrained import freeze_groups, load_image_weights
from smcrep.training.recipes import Optim, Recipe

RGB_BACKBONE = "encoders.rgb.backbone."


@dataclass(frozen=True)
class Compute:
    """Where a run is computed; it does not belong to the recipe. Under SLURM, Fabric reads ranks from the job.

    strategy  "auto" (one process, or DDP where there are more devices) or "ddp".
    """

    accelerator: str = "auto"
    devices: int = 1
    strategy: str = "auto"
    num_nodes: int = 1


def build_fabric(compute: Compute, optim: Optim) -> Fabric:
    """Fabric at the recipe's precision, its processes running."""
    on_cuda = compute.accelerator in ("auto", "cuda", "gpu") and torch.cuda.is_available()
    precision = optim.precision if optim.precision != "auto" else "bf16-mixed" if on_cuda else "32-true"
    fabric = Fabric(
        accelerator=compute.accelerator,
        devices=compute.devices,
        strategy=compute.strategy,
        num_nodes=compute.num_nodes,
        precision=precision,
    )
    fabric.launch()
    return fabric


def build_seeded_model(recipe: Recipe) -> SensorimotorModel:
    """The model before training: its weights are decided by the recipe's seed, those of its image encoder by
    ``rgb_weights`` where the recipe names some. torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)
        model = build_model(recipe.model)
    if recipe.rgb_weights:
        with torch.random.fork_rng(devices=[]):  # timm draws weights before it fills them
            load_image_weights(model, recipe.rgb_weights)
    if recipe.optim.rgb_frozen:
        freeze_groups(model, recipe.optim.rgb_frozen)
    return model


def build_optimiser(model: nn.Module, optim: Optim) -> torch.optim.AdamW:
    """AdamW; biases and the gains of normalisations are not pulled to 0. The rate of the schedule is multiplied by
    each group's ``lr_scale``."""
    learning = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    groups = []
    for in_backbone, scale in ((False, 1.0), (True, optim.rgb_lr_scale)):
        part = [p for name, p in learning if name.startswith(RGB_BACKBONE) == in_backbone]
        for chosen, decay in (
            ([p for p in part if p.ndim > 1], optim.weight_decay),
            ([p for p in part if p.ndim <= 1], 0.0),
        ):
            groups.append({"params": chosen, "weight_decay": decay, "lr_scale": scale})
    return torch.optim.AdamW(groups, lr=optim.lr, betas=(0.9, 0.98), fused=True)
