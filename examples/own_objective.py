"""Use an objective of your own in our recipes, and our objective in your own training loop.

    python examples/own_objective.py      # a minute; the numbers mean nothing

An objective is a frozen dataclass of its weights with a method `loss`. The recipe holds it, the command line sets its
fields (`--objective alignuniform --objective.uniformity 0.5` once this module was imported), recipe.json remembers it.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytorch_lightning
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from smcrep.data.loader import TransitionLoader
from smcrep.hub import build_model
from smcrep.models import SensorimotorModel
from smcrep.objectives import ObjectiveWeights, Observed, SensorimotorWeights
from smcrep.objectives.objective import mean_loss
from smcrep.pretraining import Run, pretrain, stores, tiny
from smcrep.testing import assert_objective_laws
from smcrep.training.step import step_loss
from smcrep.transition import Loss, Transition


@dataclass(frozen=True)
class AlignUniformWeights(ObjectiveWeights):
    """Alignment and uniformity on the sphere (Wang & Isola, arXiv:2005.10242, eq. 5 and 6), of each sense and fused."""

    uniformity: float = 1.0
    """Weight of the uniformity beside the alignment."""

    def loss(self, observed: Observed) -> Loss:
        losses = {}
        for sense, z in observed.latents().items():
            z = F.normalize(observed.project(z[..., : observed.num_invariant]), dim=-1)
            alignment = (z[:, 0] - z[:, 1]).square().sum(-1).mean()
            squares = torch.pdist(z.flatten(0, 1)).square()
            uniformity = (-2 * squares).exp().mean().log()
            parts = {"alignment": alignment.detach(), "uniformity": uniformity.detach()}
            losses[sense] = Loss(alignment + self.uniformity * uniformity, parts)
        return mean_loss(losses)


def in_our_recipe(run: Run, out: Path) -> None:
    assert_objective_laws(AlignUniformWeights())
    recipe = replace(run.recipe, objective=AlignUniformWeights(uniformity=0.5))
    pretrain(replace(run, recipe=recipe, stores=run.out / "stores", out=out))


def in_plain_pytorch(run: Run, steps: int = 5) -> SensorimotorModel:
    """Our objective, somebody else's loop."""
    model, objective = build_model(run.recipe.model), SensorimotorWeights(invariant=2.0)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    with TransitionLoader(stores(run)["train"], batch_states=4, seed=0) as batches:
        for _, (transition, _) in zip(range(steps), batches, strict=False):
            loss = step_loss(model, transition, objective)
            optimiser.zero_grad()
            loss.total.backward()
            optimiser.step()
            print(f"plain PyTorch: {loss.total.item():.3f}")
    return model


class InLightning(pytorch_lightning.LightningModule):
    """Our model and objective as a LightningModule; batches are transitions."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.model, self.objective = build_model(run.recipe.model), run.recipe.objective

    def training_step(self, transition: Transition) -> Tensor:
        loss = step_loss(self.model, transition, self.objective)
        self.log_dict(loss.parts, batch_size=len(transition.state_id))
        return loss.total

    def transfer_batch_to_device(self, batch: Transition, device: torch.device, dataloader_idx: int) -> Transition:
        return batch.to(device)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


def in_lightning(run: Run, out: Path) -> None:
    store = stores(run)["train"]
    loader = DataLoader(
        range(store.num_states),  # type: ignore[arg-type]
        batch_size=4,
        shuffle=True,
        collate_fn=lambda states: store.transitions(np.array(states)),
    )
    trainer = pytorch_lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        default_root_dir=out,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(InLightning(run), loader)


def main(out: Path = Path("runs/own_objective")) -> None:
    run = replace(tiny(), out=out / "world")
    in_plain_pytorch(run)
    in_our_recipe(run, out / "align_uniform")
    in_lightning(run, out / "lightning")


if __name__ == "__main__":
    main()
