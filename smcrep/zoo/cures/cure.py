"""What a cure may change in the training of a stack: each place by default left as it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from smcrep.zoo.knobs import Stack
from smcrep.zoo.network import Architecture, Parameters
from smcrep.zoo.rows import Rows
from smcrep.zoo.world import SIGNALS, Draws, World


@dataclass(frozen=True)
class Step:
    """One step of training of m models, as a cure sees it.

    progress  share of training done.
    signal    index of the suspected signal, the same in all models.
    strength  [m], 0 where the cure is not on (a late collapse is treated from the alarm on).
    restored  step of the snapshot that each late model has gone back to, by its index; empty without an alarm.
    past      (progress, draws) of all steps before.
    """

    progress: float
    signal: int
    strength: Tensor
    draws: Draws
    world: World
    architecture: Architecture
    stack: Stack
    generator: torch.Generator
    restored: Mapping[int, int] = field(default_factory=dict)
    past: tuple[tuple[float, Draws], ...] = ()

    @property
    def others(self) -> list[int]:
        return [i for i in range(len(SIGNALS)) if i != self.signal]


@dataclass(frozen=True)
class Seen:
    """What the models make of the rows of a step: features [m, 4 signals, b, 8], predicted and observed [m, b, 8]."""

    rows: Rows
    found: Tensor
    predicted: Tensor
    observed: Tensor


@dataclass(frozen=True)
class Cure:
    """strengths    that are tried, of which one is chosen for each mechanism on seeds of their own.
    of_the_data  it needs other data: the trainer must own them, or be able to intervene.
    after_alarm  it means nothing before an alarm: for late collapse alone.
    goes_back    on an alarm the weights of the best look are restored first.
    """

    strengths: tuple[float, ...] = (1.0,)
    of_the_data: bool = False
    after_alarm: bool = False
    goes_back: bool = False

    def weights(self, architecture: Architecture, stack: Stack, generator: torch.Generator) -> dict[str, Tensor]:
        """That are added to those of the networks, the model first; trained where they get a gradient."""
        return {}

    def rows(self, rows: Rows, step: Step) -> Rows:
        return rows

    def features(self, found: Tensor, p: Parameters, step: Step) -> Tensor:
        """Of features [m, 4 signals, b, 8] on their way into fusion."""
        return found

    def layers(self, p: Parameters, found: Tensor, step: Step) -> dict[str, Tensor]:
        """Entries that replace those of the parameters in this step."""
        return {}

    def loss(self, p: Parameters, seen: Seen, step: Step) -> Tensor | None:
        """[m, b], added to the loss of each row with the strength as its weight, unless `slopes` says otherwise."""
        return None

    def slopes(
        self, task: Tensor, added: Tensor | None, learned: Mapping[str, Tensor], step: Step
    ) -> dict[str, Tensor]:
        """The gradient by which ``learned`` weights are trained, of the task's loss and of the added one [m, b]."""
        return gradient(task if added is None else task + step.strength[:, None] * added, learned)

    def gradients(self, grads: dict[str, Tensor], step: Step) -> dict[str, Tensor]:
        return grads

    def pace(self, p: Parameters, seen: Seen, step: Step) -> Tensor | None:
        """[m, 4 signals]: factors on the steps of the encoders; of 0 to 1."""
        return None

    def trains(self, step: Step) -> bool:
        """False: a model that has gone back stays there."""
        return True


def gradient(loss: Tensor, learned: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Of losses [m, b], which are means over rows and separate over models, in the weights of all models."""
    found = torch.autograd.grad(loss.mean(1).sum(), list(learned.values()), materialize_grads=True)
    return dict(zip(learned, found, strict=True))


def dense(name: str, inputs: int, outputs: int, models: int, generator: torch.Generator) -> dict[str, Tensor]:
    """A layer as `network.start` makes them."""
    weight = torch.randn(models, inputs, outputs, generator=generator) * (2 / inputs) ** 0.5
    return {f"{name}.weight": weight, f"{name}.bias": torch.zeros(models, 1, outputs)}
