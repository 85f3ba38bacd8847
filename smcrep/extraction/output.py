"""What of an embedding is written: its parts by name, their precision, and whether vectors have length 1.

SOURCE              fused, or a sense: the whole vector
SOURCE.invariant    what the thing is; cosine search wants this part: poses move the whole vector
SOURCE.equivariant  how it stands
SENSE.tokens        the sense's feature map, [places, channels]
weight, precision, p_value  one number for each sense
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.extraction.tokens import token_maps
from smcrep.models.model import SensorimotorModel
from smcrep.senses import SENSES, Resolution
from smcrep.transition import FUSED, Embedding

OF_SENSES = ("weight", "precision", "p_value")
"""float32 [r, m] of a shard, whatever the precision of the vectors."""
PARTS = ("invariant", "equivariant", "tokens")
DTYPES = {"float32": torch.float32, "float16": torch.float16}


@dataclass(frozen=True)
class Output:
    """parts       see above; () for fused, every sense and `OF_SENSES`
    dtype       of vectors and tokens, a key of `DTYPES`
    normalised  vectors of length 1 each (tokens are left as they are)
    """

    parts: tuple[str, ...] = ()
    dtype: str = "float32"
    normalised: bool = False

    def of(self, senses: Sequence[str]) -> tuple[str, ...]:
        """The names of all tensors that are written, ``present`` and ``row`` aside. ValueError for an unknown part."""
        for part in self.parts:
            source, _, kind = part.partition(".")
            known = source in (FUSED, *senses) and kind in ("", *PARTS) and (source, kind) != (FUSED, "tokens")
            if not known and part not in OF_SENSES:
                sources = ", ".join((FUSED, *senses))
                raise ValueError(
                    f"part {part!r} is not known; give one of {sources}, also with .invariant, .equivariant or, of a "
                    f"sense, .tokens; or {', '.join(OF_SENSES)}"
                )
        return self.parts or (FUSED, *senses, *OF_SENSES)


def embedded(model: SensorimotorModel, senses: dict[str, Tensor], output: Output) -> dict[str, Tensor]:
    """Name -> [b, ...] of every part, and ``present`` [b, m]. ValueError where float16 cannot hold a number."""
    names = output.of(model.config.names)
    wanted = [part.partition(".")[0] for part in names if part.endswith(".tokens")]
    embedding, tokens = token_maps(model, senses, wanted)
    found = {name: _part(name, embedding, tokens, output) for name in names}
    return {name: x.cpu() for name, x in found.items()} | {"present": embedding.present.cpu()}


def _part(name: str, embedding: Embedding, tokens: dict[str, Tensor], output: Output) -> Tensor:
    if name in OF_SENSES:
        return getattr(embedding, name)
    source, _, kind = name.partition(".")
    if kind == "tokens":
        x = tokens[source]
    else:
        x = getattr(embedding, kind)(source) if kind else embedding.of(source)
        x = F.normalize(x, dim=-1) if output.normalised else x
    x = x.to(DTYPES[output.dtype])
    if not bool(x.isfinite().all()):
        raise ValueError(
            f"{name} has a number that is not finite in {output.dtype}; write float32, or normalised vectors"
        )
    return x


def nothing(model: SensorimotorModel, output: Output, num_rows: int) -> dict[str, Tensor]:
    """The tensors of rows without an embedding: zeros, absent, p-values NaN."""
    item = {name: SENSES[name] for name in model.config.names}
    resolution = Resolution(image_size=64, num_points=64)
    none = {
        name: torch.zeros(0, *sense.item_shape(resolution), dtype=getattr(torch, sense.dtype))
        for name, sense in item.items()
    }
    shapes = embedded(model, none, output)
    found = {name: x.new_zeros(num_rows, *x.shape[1:]) for name, x in shapes.items()}
    return found | {name: x.fill_(torch.nan) for name, x in found.items() if name == "p_value"}
