"""Any invariance with any equivariance on plain pictures, whose action is their augmentation.

One network of pictures, a projector, and what an equivariance learns beside them, trained without a simulated world:
the usual benchmark of both, with the package's own losses. experiments/cifar10.py compares them.
"""

from collections.abc import Iterator
from itertools import pairwise

import timm
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from smcrep.data.augment import AUGMENTATION_DIM, AugmentationRanges, augment, sample
from smcrep.models.predictors import EquiMod as Displacement
from smcrep.objectives import AugSelf, CombinedWeights, HeadSizes
from smcrep.objectives.equivariance import Moved, NoEquivariance
from smcrep.objectives.invariance import Views

WIDTHS = (32, 64, 128, 256)
"""Of the four blocks of conv4."""
HIDDEN = 512
"""Numbers in the hidden layers of a projector."""
PROJECTED = 128
LR = 2e-3
NUM_DRAWS = 10_000


def conv4() -> tuple[nn.Module, int]:
    layers = [
        layer
        for a, b in pairwise((3, *WIDTHS))
        for layer in (nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
    ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), WIDTHS[-1]


def resnet18() -> tuple[nn.Module, int]:
    """For pictures of 32 pixels: a first layer of 3 x 3, no pooling behind it."""
    network = timm.create_model("resnet18", num_classes=0)
    network.conv1, network.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
    return network, 512


BACKBONES = {"conv4": conv4, "resnet18": resnet18}


def head(num_in: int) -> nn.Sequential:
    layers = [
        layer
        for a, b in pairwise((num_in, HIDDEN, HIDDEN))
        for layer in (nn.Linear(a, b, bias=False), nn.BatchNorm1d(b), nn.ReLU())
    ]
    return nn.Sequential(*layers, nn.Linear(HIDDEN, PROJECTED))


class Network(nn.Module):
    """Backbone and projector, and what an equivariance learns beside them: EquiMod a second projector and a linear
    predictor of [embedding of the picture, action], AugSelf a network that reads the action from the backbone."""

    def __init__(self, weights: CombinedWeights, network: str) -> None:
        super().__init__()
        self.backbone, dim = BACKBONES[network]()
        self.backbone.to(memory_format=torch.channels_last)
        self.projector = head(dim)
        on_backbone = isinstance(weights.equivariance, AugSelf)
        self.equivariant = nn.Identity() if on_backbone else head(dim)
        self.predictor = Displacement(PROJECTED, AUGMENTATION_DIM)
        sizes = HeadSizes(dim if on_backbone else PROJECTED, PROJECTED, AUGMENTATION_DIM, dim)
        self.heads = nn.ModuleDict(weights.heads(sizes))

    def features(self, pictures: Tensor) -> Tensor:
        """uint8 [n, s, s, 3] -> float32 [n, d]; in training by way of bfloat16."""
        x = pictures.permute(0, 3, 1, 2).float() / 128 - 1  # in memory the channels stay last
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.training):
            return self.backbone(x).float()


def loss(
    network: Network, target: AveragedModel | None, views: Tensor, action: Tensor, weights: CombinedWeights
) -> Tensor:
    """views uint8 [b, v, s, s, 3]: the picture itself where there is an equivariance, and two views of it, whose scaled
    augmentations are ``action`` [b, 2, a]."""
    h = network.features(views.flatten(0, 1)).unflatten(0, views.shape[:2])
    z = network.projector(h[:, -2:].flatten(0, 1)).unflatten(0, (-1, 2))
    slow = z.detach() if target is None else projected(target.module, views[:, -2:])
    invariance = weights.invariance.loss(
        Views(z[:, 0], z[:, 1], slow[:, 0], slow[:, 1], lambda name: network.heads[f"invariance_{name}"], None)
    )
    if isinstance(weights.equivariance, NoEquivariance):
        return invariance.total
    y = network.equivariant(h.flatten(0, 1)).unflatten(0, views.shape[:2])

    def predict() -> Tensor:
        return network.predictor(y[:, :1].expand(-1, 2, -1), None, action)

    moved = Moved(
        before=y[:, 0],
        outcome=y[:, 1:],
        target_outcome=y[:, 1:].detach(),
        projected=z,
        action=action,
        predict=predict,
        roll_out=no_roll_out,
        head=lambda name: network.heads[f"equivariance_{name}"],
    )
    return invariance.total + weights.weight * weights.equivariance.loss(moved).total


@torch.no_grad()
def projected(network: nn.Module, views: Tensor) -> Tensor:
    """[b, v, s, s, 3] -> [b, v, p]."""
    assert isinstance(network, Network)
    return network.projector(network.features(views.flatten(0, 1))).unflatten(0, views.shape[:2])


def no_roll_out(steps: int) -> Tensor:
    raise ValueError("augmentations do not compose; take an equivariance of one step")


def train(
    pictures: Tensor,
    weights: CombinedWeights,
    *,
    seed: int,
    steps: int,
    batch: int,
    network: str = "conv4",
    device: str = "cpu",
    lr: float = LR,
) -> Network:
    """A network trained on pictures uint8 [n, s, s, 3]. The same first weights of the backbone, batches and views for
    one seed, whatever the ``weights``. steps, batch: of AdamW, and pictures in each, seen as two views."""
    if batch > len(pictures):
        raise ValueError(f"train: a batch of {batch}, and {len(pictures)} pictures; give fewer a step")
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        found = Network(weights, network).to(device)
    momentum, target = weights.target_momentum(), None
    if momentum is not None:
        target = AveragedModel(found, multi_avg_fn=get_ema_multi_avg_fn(momentum))
    optimiser = torch.optim.AdamW(found.parameters(), lr=lr, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    rows, mean_std = batches(len(pictures), batch, generator), scale(pictures.shape[1])
    with_picture = not isinstance(weights.equivariance, NoEquivariance)
    for _ in range(steps):
        if target:
            target.update_parameters(found)
        some = pictures[next(rows)]
        views, action = augmented(some, 2, generator, mean_std)
        views = torch.cat([some[:, None], views], 1) if with_picture else views
        optimiser.zero_grad()
        loss(found, target, views.to(device), action.to(device), weights).backward()
        optimiser.step()
        schedule.step()
    return found.eval()


def batches(num: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Endless, every one of ``num`` rows once before any is seen again; what does not fill a batch waits for the next
    round."""
    while True:
        yield from torch.randperm(num, generator=generator)[: num // size * size].split(size)


def scale(side: int) -> tuple[Tensor, Tensor]:
    """Mean and deviation [a] of the numbers of an augmentation of pictures of ``side`` pixels, over NUM_DRAWS draws;
    what never varies stays 0."""
    drawn = sample(AugmentationRanges(), (NUM_DRAWS,), (side, side), torch.Generator().manual_seed(0)).vector()
    std = drawn.std(0)
    return drawn.mean(0), torch.where(std > 1e-6, std, torch.inf)


def augmented(
    pictures: Tensor, num: int, generator: torch.Generator, mean_std: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """``num`` views of each picture, uint8 [b, num, s, s, 3], and their scaled augmentations [b, num, a]."""
    height, width = pictures.shape[1:3]
    drawn = sample(AugmentationRanges(), (len(pictures), num), (height, width), generator)
    views = augment(pictures[:, None].expand(-1, num, -1, -1, -1), drawn)
    return views, (drawn.vector() - mean_std[0]) / mean_std[1]
