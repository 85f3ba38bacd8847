"""Which modules are meant, and how many numbers learn."""

import re
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Trainable:
    """num of the ``total`` numbers of a model that learn."""

    num: int
    total: int

    @property
    def share(self) -> float:
        return self.num / self.total


def trainable(model: nn.Module) -> Trainable:
    """A parameter that several modules share counts once."""
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return Trainable(sum(n for n, learns in sizes if learns), sum(n for n, _ in sizes))


def chosen(model: nn.Module, pattern: str, kind: type[nn.Module] | tuple[type[nn.Module], ...]) -> list[str]:
    """Names of the modules of that kind whose whole name the regular expression matches.

    A whole name, because a suffix says too much: timm's ``proj`` is the patch embedding's too. ValueError where there
    is none.
    """
    of_kind = [name for name, module in model.named_modules() if isinstance(module, kind)]
    found = [name for name in of_kind if re.fullmatch(pattern, name)]
    if not found:
        raise ValueError(f"fine-tuning: {pattern!r} matches none of {len(of_kind)} modules, such as {of_kind[:3]}")
    return found
