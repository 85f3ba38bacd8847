"""A saved smcrep model as a function: LeRobot's tensors of one moment -> one vector. Imports nothing of LeRobot."""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from smcrep.extraction.manifest import sha256
from smcrep.extraction.output import Output, embedded
from smcrep.hub import load_model, model_folder

PICTURES = ("rgb",)
"""Senses that LeRobot holds as pictures: [..., 3, h, w], floating point 0 to 1 or uint8."""


class Encoder:
    """The ``part`` (see `smcrep.extraction.output`) of the embedding by the model in the folder ``model``, float32.

    sha256  of its model.safetensors
    dim     length of the vector
    """

    def __init__(self, model: str, part: str, normalised: bool) -> None:
        self.model, _, _, _ = load_model(model)
        self.sha256 = sha256(model_folder(model) / "model.safetensors")
        self.part, self.output = part, Output((part,), normalised=normalised)
        self.output.of(self.model.config.names)
        if part.endswith(".tokens"):
            raise ValueError(f"part {part!r} is a map, and a policy takes one vector; give fused, or a sense")
        self.dim = self._dim()

    def _dim(self) -> int:
        config, kind = self.model.config, self.part.rpartition(".")[2]
        sizes = {"invariant": config.invariant_dim, "equivariant": config.equivariant_dim}
        sizes |= dict.fromkeys(("weight", "precision", "p_value"), len(config.names))
        return sizes.get(kind, config.embed_dim)

    def check(self, senses: Mapping[str, object]) -> None:
        """ValueError where a sense is named that the model does not have."""
        names = self.model.config.names
        if unknown := [name for name in senses if name not in names]:
            raise ValueError(f"the encoder has no sense {unknown[0]!r}; it has {', '.join(names)}")

    def __call__(self, senses: Mapping[str, Tensor]) -> Tensor:
        """Sense -> [..., item], all of the same leading axes -> [..., dim]. A sense that is left out is absent."""
        items = {name: _item(name, x) for name, x in senses.items()}
        leads = {name: tuple(x.shape[: x.ndim - _rank(name)]) for name, x in items.items()}
        if len(set(leads.values())) != 1:
            raise ValueError(f"senses of one moment differ in their leading axes: {leads}")
        lead = next(iter(leads.values()))
        flat = {name: x.reshape(-1, *x.shape[len(lead) :]).cpu() for name, x in items.items()}
        found = embedded(self.model, flat, self.output)[self.part]
        device = next(iter(senses.values())).device
        return found.reshape(*lead, self.dim).to(device)


def _rank(sense: str) -> int:
    """Axes of one item: a cloud [n, 3], a map [h, w], a picture [h, w, 3]."""
    return 3 if sense in PICTURES else 2


def _item(sense: str, x: Tensor) -> Tensor:
    return picture(x) if sense in PICTURES else x


def picture(x: Tensor) -> Tensor:
    """[..., 3, h, w] in floating point 0 to 1, or uint8, as LeRobot hands pictures out -> uint8 [..., h, w, 3]. What
    was uint8 over 255 becomes the same number again."""
    if x.ndim < 3 or x.shape[-3] != 3:
        raise ValueError(f"a picture of shape {tuple(x.shape)}; LeRobot's are [..., 3, h, w]")
    if x.dtype != torch.uint8:
        low, high = float(x.min()), float(x.max())
        if low < 0 or high > 1:
            raise ValueError(f"a picture of numbers {low:.3g} to {high:.3g}; embed before normalising it, 0 to 1")
        x = (x * 255).round().to(torch.uint8)
    return x.movedim(-3, -1)


@cache
def encoder(model: str, part: str, normalised: bool) -> Encoder:
    """The same `Encoder` for all who name it: steps of training, of evaluation, and of every environment."""
    return Encoder(model, part, normalised)


def known_encoder(model: str, part: str, normalised: bool, sha256: str) -> Encoder:
    """`encoder`; ValueError where its weights are not those of ``sha256`` ("": any)."""
    found = encoder(model, part, normalised)
    if sha256 and found.sha256 != sha256:
        raise ValueError(
            f"{model}: weights of sha256 {found.sha256[:12]}, but {sha256[:12]} were saved here; "
            "give the folder of the model that the policy was trained with"
        )
    return found
