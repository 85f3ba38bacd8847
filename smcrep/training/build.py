"""From a recipe to the things that a run needs: hardware, model, optimiser."""

from dataclasses import dataclass
from typing import Literal

import torch
from lightning_fabric import Fabric

from smcrep.hub import build_model
from smcrep.models.model import SensorimotorModel
from smcrep.senses import SENSES
from smcrep.training.heads import add_heads
from smcrep.training.recipes import Optim, Recipe


@dataclass(frozen=True)
class Compute:
    """Where a run is computed; it does not belong to the recipe. Under SLURM, Fabric reads ranks from the job."""

    accelerator: str = "auto"
    """cpu, cuda, mps, ... or auto."""
    devices: int = 1
    """Processes on each node."""
    strategy: str = "auto"
    """"auto" (one process, or DDP where there are more devices) or "ddp"."""
    num_nodes: int = 1
    """Machines that take part."""
    cache: Literal["none", "float16", "bfloat16", "float32"] = "none"
    """What frozen layers make of the stored observations is computed once and kept beside the stores, in such numbers;
    none: it is computed in each step."""
    cache_gb: float = 4.0
    """At most so many gigabytes of it."""

    def __post_init__(self) -> None:
        if self.cache not in ("none", "float16", "bfloat16", "float32"):
            raise ValueError(f"Compute: cache is {self.cache!r}; give none, float16, bfloat16 or float32")
        if not self.cache_gb > 0:
            raise ValueError(f"Compute: cache_gb is {self.cache_gb}; give a number above 0")
        for name in ("devices", "num_nodes"):
            if getattr(self, name) < 1:
                raise ValueError(f"Compute: {name} is {getattr(self, name)}; give at least 1")


def build_fabric(compute: Compute, optim: Optim) -> Fabric:
    """Fabric at the recipe's precision, its processes running."""
    on_cuda = compute.accelerator in ("auto", "cuda", "gpu") and torch.cuda.is_available()
    precision = optim.precision if optim.precision != "auto" else "bf16-mixed" if on_cuda else "32-true"
    strategy = compute.strategy
    if strategy in ("auto", "ddp") and compute.devices * compute.num_nodes > 1:
        strategy = "ddp_find_unused_parameters_true"  # SimCLR leaves the predictors out, a group of weight 0 others
    fabric = Fabric(
        accelerator=compute.accelerator,
        devices=compute.devices,
        strategy=strategy,
        num_nodes=compute.num_nodes,
        precision=precision,
    )
    fabric.launch()
    return fabric


def build_seeded_model(recipe: Recipe) -> SensorimotorModel:
    """The model before training, with the heads of the recipe's objective: its weights are drawn by the recipe's seed,
    but for those that the settings of a sense take from elsewhere. torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)
        model = build_model(recipe.model)
    with torch.random.fork_rng(devices=[]):  # timm draws weights before it fills them
        for name, settings in recipe.model.senses.items():
            SENSES[name].start(settings, model.encoders[name])
        torch.default_generator.manual_seed(recipe.seed)
        add_heads(model, recipe.objective)
    return model


def build_optimiser(model: SensorimotorModel, optim: Optim) -> torch.optim.AdamW:
    """AdamW; biases and the gains of normalisations are not pulled to 0. The rate of the schedule is multiplied by
    each group's ``lr_scale``."""
    learning = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    scales = {"": 1.0}
    for name, settings in model.config.senses.items():
        if hasattr(settings, "lr_scale"):
            scales[f"encoders.{name}.backbone."] = settings.lr_scale
    own = {name: max((prefix for prefix in scales if name.startswith(prefix)), key=len) for name, _ in learning}
    groups = []
    for prefix, scale in scales.items():
        part = [p for name, p in learning if own[name] == prefix]
        for chosen, decay in (
            ([p for p in part if p.ndim > 1], optim.weight_decay),
            ([p for p in part if p.ndim <= 1], 0.0),
        ):
            groups.append({"params": chosen, "weight_decay": decay, "lr_scale": scale})
    return torch.optim.AdamW(groups, lr=optim.lr, betas=(0.9, 0.98), fused=True)
