"""Fuse two encoders of your own, with our rules or one of yours; no model of smcrep is needed.

    python examples/fuse_your_own.py      # seconds

A rule takes `Beliefs` (mean, log-precision and presence of each sense) and gives the fused embedding and how much each
sense counted. One of your own goes through the laws, and under a name into a model: ModelConfig(fusion="gate").
"""

import torch
from torch import Tensor

from smcrep.fusion import RULES, equal_precision, precision_weighted
from smcrep.hub import build_model
from smcrep.models import ModelConfig
from smcrep.testing import assert_fusion_laws
from smcrep.transition import Beliefs


def gate(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    """The one sense that is most sure of itself, all things together."""
    sure = torch.where(beliefs.present, beliefs.log_precision.mean(-1).nan_to_num(), -torch.inf)
    weight = torch.nn.functional.one_hot(sure.argmax(-1), sure.shape[-1]).to(beliefs.mean.dtype) * beliefs.present
    mean = torch.where(beliefs.present[..., None], beliefs.mean, 0)
    return (weight[..., None] * mean).sum(-2), weight


def main() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(1000, 16, generator=generator)
    spread = torch.tensor([0.2, 0.6])  # one encoder is three times as far off as the other
    mean = truth[:, None] + spread[:, None] * torch.randn(1000, 2, 16, generator=generator)
    log_precision = (-2 * spread.log())[:, None].expand(1000, 2, 16)
    beliefs = Beliefs(mean, log_precision, torch.ones(1000, 2, dtype=torch.bool), ("camera", "touch"))

    assert_fusion_laws(gate, breaks=("flat_case",))  # it never averages
    RULES["gate"] = gate
    for name, rule in {"equal": equal_precision, "precision": precision_weighted, "gate": gate}.items():
        fused, weight = rule(beliefs)
        error = (fused - truth).square().mean().sqrt()
        print(f"{name}: error {error:.3f}, weight of the camera {weight[:, 0].mean():.2f}")
    model = build_model(ModelConfig(senses=("rgb", "points"), fusion="gate"))
    print("in a model:", model.embed(points=torch.rand(2, 50, 3)).weight.tolist())


if __name__ == "__main__":
    main()
