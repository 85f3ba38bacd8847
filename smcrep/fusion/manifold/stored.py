"""What a map has learned, kept and found again as plain tensors."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self

import torch
from torch import Tensor

from smcrep.transition import map_tensors


class Stored:
    """Mixin of a frozen dataclass, every field of which is a tensor."""

    def to(self, device: torch.device | str) -> Self:
        return map_tensors(self, lambda t: t.to(device))

    def state_dict(self) -> dict[str, Tensor]:
        """Field -> tensor, for ``torch.save`` or safetensors."""
        return {f.name: getattr(self, f.name).contiguous() for f in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any]) -> Self:
        """What `state_dict` gave; ValueError in one line where a field is absent or unknown."""
        names = {f.name for f in fields(cls)}  # type: ignore[arg-type]
        wrong = names ^ set(state)
        if wrong:
            raise ValueError(
                f"{cls.__name__}: fields {', '.join(sorted(wrong))} are absent or unknown; give what state_dict gave"
            )
        return cls(**state)
