"""Fuse two encoders of your own, with our head, our rules or one of yours; no model of smcrep is needed.

    python examples/fuse_your_own.py      # seconds

A rule takes `Beliefs` (mean, log-precision and presence of each sense) and gives the fused embedding and how much each
sense counted. The head learns how far a fault turned each
reading away, from readings whose noise you know. A rule of your own goes
through the laws, and under a name into a model: ModelConfig(fusion="most_sure").
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.fusion import RULES, DirectionHead, equal_precision
from smcrep.fusion.fit_variance import VarianceFit
from smcrep.fusion.head import fit_head
from smcrep.hub import build_model
from smcrep.models import ModelConfig
from smcrep.testing import assert_fusion_laws
from smcrep.transition import Beliefs

THINGS, LOOKS, DIM = 150, 6, 24


def encoded(noise: Tensor, generator: torch.Generator) -> Beliefs:
    """Stands for your two encoders: 150 things seen six times, with noise of deviation ``noise`` [900, 2] on each."""
    maps = torch.randn(2, 8, DIM, generator=torch.Generator().manual_seed(1))
    thing = torch.randn(THINGS, 8, generator=torch.Generator().manual_seed(2)).repeat_interleave(LOOKS, 0)
    clean = torch.einsum("nq,mqd->nmd", thing, maps)
    mean = clean + (0.5 + noise[..., None]) * torch.randn(clean.shape, generator=generator)
    return Beliefs(mean, torch.zeros_like(mean), torch.ones(mean.shape[:2], dtype=torch.bool), ("camera", "touch"))


def most_sure(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    """The one sense that is most sure of itself, all things together."""
    sure = torch.where(beliefs.present, beliefs.log_precision.mean(-1).nan_to_num(), -torch.inf)
    weight = F.one_hot(sure.argmax(-1), sure.shape[-1]).to(beliefs.mean.dtype) * beliefs.present
    mean = torch.where(beliefs.present[..., None], beliefs.mean, 0)
    return (weight[..., None] * mean).sum(-2), weight


def recognised(known: Tensor, asked: Tensor) -> float:
    """Share of ``asked`` [n, d] whose direction is nearest to the mean of their own thing in ``known`` [n, d]."""
    means = F.normalize(known.unflatten(0, (THINGS, LOOKS)).mean(1), dim=-1)
    return float(
        ((F.normalize(asked, dim=-1) @ means.T).argmax(-1) == torch.arange(len(asked)) // LOOKS).float().mean()
    )


def main() -> None:
    generator, num = torch.Generator().manual_seed(0), THINGS * LOOKS
    known = encoded(torch.zeros(num, 2), generator)
    loud = 6 * torch.rand(num, 2, generator=generator) * (torch.rand(num, 2, generator=generator) < 0.5)
    harmed = Beliefs(
        known.mean + loud[..., None] * torch.randn(known.mean.shape, generator=generator),
        known.log_precision, known.present, known.names,
    )  # fmt: skip
    torch.manual_seed(0)
    head = DirectionHead(2, DIM)
    fit_head(
        head, known, harmed, torch.arange(num) // LOOKS, encoded(torch.zeros(num, 2), generator),
        shrinkage=0.1, settings=VarianceFit(steps=400), generator=generator,
    )  # fmt: skip
    with torch.no_grad():
        asked = encoded(torch.tensor([[6.0, 0.0]]).expand(num, 2), generator)  # the camera is of no use today
        found = head.look(asked)
        print(f"recognised by our head {recognised(head(known)[0], found.fused):.2f}, weights {found.weight.mean(0)}")
        print(f"by equal weights {recognised(equal_precision(known)[0], equal_precision(asked)[0]):.2f}")
        print(f"by touch alone {recognised(known.mean[:, 1], asked.mean[:, 1]):.2f}")
        camera, touch = found.p_value.mean(0).tolist()
        print(f"as unusual as on clean days: camera p = {camera:.3f}, touch p = {touch:.2f}")

    assert_fusion_laws(most_sure, breaks=("flat_case",))  # it never averages
    RULES["most_sure"] = most_sure
    model = build_model(ModelConfig(senses=("rgb", "points"), fusion="most_sure"))
    print("your rule in a model:", model.embed(points=torch.rand(2, 50, 3)).weight.tolist())


if __name__ == "__main__":
    main()
