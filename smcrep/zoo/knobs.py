"""What can be planted in a model, its data and its training: one `Knobs` for each signal, stacked over many models."""

from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor

from smcrep.zoo.world import DIM, SIGNALS


@dataclass(frozen=True)
class Knobs:
    """Of one signal; the defaults are health. A share is of its 2 dimensions, or of those of its home in the outcome.

    In the world, which the oracle shares:
    size         of its effect.
    interaction  0: acts without the context; 1: acts not without it.
    redundant    1: it follows from the context, which both senses show.
    rank         number of its dimensions that vary.
    In the pipeline, in training and after:
    cut          share that is zero before it reaches the encoder.
    entangled    share whose sign is flipped by the product of two noise channels of another sense, so that it is known
                 only together with them.
    leak         share of its effect that stands, measured with little noise, in the noise channels of another sense; in
                 training from ``since`` on.
    In the data of training alone:
    shuffled     share of rows that are given another row's.
    copied       share of rows whose target lacks its effect, as if nothing had happened.
    confounded   correlation of it with the context.
    turned       1: a fixed rotation of it is given (another frame than after training).
    since        all these begin after this share of training; before, the data are sound.
    In the network:
    gain         factor on its features on the way into fusion, as of a precision.
    slowed       factor on the start and on the learning rate of its encoder's last layer.
    offset       common mean added to its features, which are then scaled to unit length: a narrow cone.
    additive     1: it is kept from fusion, and its own head is added to the prediction.
    unheard      1: it is kept from fusion, though encoded.
    hidden       share of its home that the prediction, or the encoder of the outcome, leaves out.
    """

    size: float = 1.0
    interaction: float = 0.3
    redundant: float = 0.0
    rank: int = DIM
    cut: float = 0.0
    entangled: float = 0.0
    leak: float = 0.0
    shuffled: float = 0.0
    copied: float = 0.0
    confounded: float = 0.0
    turned: float = 0.0
    since: float = 0.0
    gain: float = 1.0
    slowed: float = 1.0
    offset: float = 0.0
    additive: float = 0.0
    unheard: float = 0.0
    hidden: float = 0.0


@dataclass(frozen=True)
class Specimen:
    """A model to be trained: what is planted on which signals, and its own training.

    mechanism  what was planted, or "healthy", or the name of a decoy. A word for tables: the truth is measured.
    signal     the victim; "" where there is none.
    dose       0 to 1.
    lr, width, batch  factors on the learning rate, the hidden width and the number of groups a step.
    until      share of training after which the weights no longer change.
    """

    mechanism: str = "healthy"
    signal: str = ""
    dose: float = 0.0
    knobs: dict[str, Knobs] = field(default_factory=dict)
    lr: float = 1.0
    width: float = 1.0
    batch: float = 1.0
    until: float = 1.0


@dataclass(frozen=True)
class Stack:
    """The knobs of m specimens: every field of `Knobs` as float32 [m, 4 signals], and what depends on models alone as
    [m]."""

    specimens: tuple[Specimen, ...]
    knobs: dict[str, Tensor]
    lr: Tensor
    width: Tensor
    batch: Tensor
    until: Tensor

    def __len__(self) -> int:
        return len(self.specimens)

    def __getitem__(self, name: str) -> Tensor:
        return self.knobs[name]

    def mask(self, name: str) -> Tensor:
        """float32 [m, 4 signals, 2]: 1 in the first dimensions, as many as the share ``name`` says."""
        return (torch.arange(DIM) < (self.knobs[name] * DIM).round()[..., None]).float()

    def only(self, index: int) -> "Stack":
        return stacked((self.specimens[index],))


def stacked(specimens: tuple[Specimen, ...]) -> Stack:
    """ValueError for a specimen with knobs for a signal that there is not."""
    healthy = Knobs()
    for specimen in specimens:
        unknown = sorted(set(specimen.knobs) - set(SIGNALS))
        if unknown:
            raise ValueError(f"zoo: knobs for {unknown[0]!r}, which is no signal; they are {', '.join(SIGNALS)}")
    rows = [[specimen.knobs.get(name, healthy) for name in SIGNALS] for specimen in specimens]
    knobs = {
        f.name: torch.tensor([[float(getattr(own, f.name)) for own in row] for row in rows]) for f in fields(Knobs)
    }
    own = {name: torch.tensor([getattr(s, name) for s in specimens]) for name in ("lr", "width", "batch", "until")}
    return Stack(specimens, knobs, **own)


def planted_on(signal: str, mechanism: str, dose: float, knobs: Knobs, **training: float) -> Specimen:
    return replace(Specimen(mechanism, signal, dose, {signal: knobs}), **training)
