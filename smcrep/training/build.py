"""From a recipe to the things that a run needs: hardware, model, optimiser."""

from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import nn

from smcrep.hub import build_model
from smcrep.models.model import SensorimotorModel
from smcrep.training.recipes import Optim, Recipe


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
    """The untrained model whose weights are decided by the recipe's seed; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)
        return build_model(recipe.model)


def build_optimiser(model: nn.Module, optim: Optim) -> torch.optim.AdamW:
    """AdamW; biases and the gains of normalisations are not pulled to 0."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": optim.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=optim.lr, betas=(0.9, 0.98), fused=True)
