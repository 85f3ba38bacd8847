"""Put a loss of lightly in the place of ours: its VICReg for the invariant part, our equivariant terms beside it.

    python examples/lightly_loss.py       # a minute; the numbers mean nothing

`SensorimotorWeights.invariance` gives any loss of two views (za [n, d], zb [n, d]) -> [].
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from lightly.loss import VICRegLoss

from smcrep.objectives import SensorimotorWeights
from smcrep.pretraining import pretrain, tiny


@dataclass(frozen=True)
class LightlyWeights(SensorimotorWeights):
    """The sensorimotor objective with lightly's VICReg as its invariant terms."""

    covariance: float = 1.0
    """Weight of lightly's covariance term."""

    def invariance(self) -> VICRegLoss:
        return VICRegLoss(nu_param=self.covariance)


def main(out: Path = Path("runs/lightly_loss")) -> None:
    run = tiny()
    recipe = replace(run.recipe, objective=LightlyWeights(invariant=0.1, covariance=0.5))
    model = pretrain(replace(run, recipe=recipe, out=out)).model
    print("embeddings:", list(model.embed(points=torch.rand(2, 50, 3)).fused.shape))


if __name__ == "__main__":
    main()
