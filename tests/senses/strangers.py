"""A sense that is none of the package's, and the table of senses with it for as long as a test needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from smcrep.encoders import VectorEncoder
from smcrep.senses import SENSES, Array, Sense, SenseSettings

NUM_FORCES = 6


@dataclass(frozen=True)
class TouchSettings(SenseSettings):
    scale_n: float = 1.0

    def __post_init__(self) -> None:
        self.check(self.scale_n > 0, "scale_n", "give newtons above 0")


def check(touch: Array) -> Tensor:
    x = torch.as_tensor(touch)
    if x.ndim != 2 or x.shape[1] != NUM_FORCES:
        raise ValueError(f"embed: touch has shape {list(x.shape)}, expected (B, {NUM_FORCES})")
    return x.float()


def encoder(settings: TouchSettings, trunk_dim: int) -> nn.Module:
    return VectorEncoder([0.0] * NUM_FORCES, [settings.scale_n] * NUM_FORCES, trunk_dim)


TOUCH = Sense(
    "touch",
    settings=TouchSettings,
    check=check,
    encoder=encoder,
    item_shape=lambda resolution: (NUM_FORCES,),
    dtype="float32",
    unit="N",
    frame="finger by finger",
    label="touch",
    colour="#888888",
)


@contextmanager
def registered(*senses: Sense) -> Iterator[None]:
    for sense in senses:
        SENSES.register(sense)
    try:
        yield
    finally:
        for sense in senses:
            del SENSES._by_name[sense.name]
