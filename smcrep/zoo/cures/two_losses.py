"""The gradients of two losses in the weights of a stack: their scalar products, a weighted sum of them, and an
inverse-dynamics head whose gradient is joined to the task's by such weights."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.zoo.cures.cure import Step
from smcrep.zoo.cures.inverse import InverseHead


@dataclass(frozen=True)
class TwoGradients:
    """Of the task's loss and of an added one, by weight [m, ...]; None for a weight that a loss does not enter."""

    task: Mapping[str, Tensor | None]
    added: Mapping[str, Tensor | None]

    def products(self) -> Tensor:
        """[m, 2, 2]: scalar products of both, over the weights that both losses enter."""
        both = [(a, b) for name, a in self.task.items() if a is not None and (b := self.added[name]) is not None]
        rows = [torch.cat([pair[i].flatten(1) for pair in both], 1) for i in range(2)]
        gradients = torch.stack(rows, 1)
        return gradients @ gradients.mT

    def mixed(self, shares: Tensor, on: Tensor) -> dict[str, Tensor]:
        """shares [m, 2] of the task's and of the added loss, in weights that both enter; others keep their gradient.

        on  [m]: where it is 0, the gradient is that of the task alone.
        """
        treated = on > 0
        shares = torch.where(treated[:, None], shares, torch.tensor([1.0, 0.0]))
        found = {}
        for name, a in self.task.items():
            b = self.added[name]
            shape = (-1, *[1] * (max(x.ndim for x in (a, b) if x is not None) - 1))
            if a is None and b is not None:
                found[name] = treated.view(shape) * b
            elif a is not None:
                found[name] = a if b is None else shares[:, 0].view(shape) * a + shares[:, 1].view(shape) * b
        return found


def two_gradients(task: Tensor, added: Tensor, learned: Mapping[str, Tensor]) -> TwoGradients:
    """Of losses [m, b], which are means over rows and separate over models."""
    both = [
        torch.autograd.grad(loss.mean(1).sum(), list(learned.values()), retain_graph=True, allow_unused=True)
        for loss in (task, added)
    ]
    return TwoGradients(*(dict(zip(learned, gradients, strict=True)) for gradients in both))


@dataclass(frozen=True)
class WeighedInverse(InverseHead):
    """strength: on or off."""

    strengths: tuple[float, ...] = (1.0,)

    def shares(self, products: Tensor) -> Tensor:
        """[m, 2]: weights of the task's and the head's gradient, from their scalar products [m, 2, 2]."""
        raise NotImplementedError

    def slopes(
        self, task: Tensor, added: Tensor | None, learned: Mapping[str, Tensor], step: Step
    ) -> dict[str, Tensor]:
        assert added is not None
        gradients = two_gradients(task, added, learned)
        return gradients.mixed(self.shares(gradients.products()), step.strength)
