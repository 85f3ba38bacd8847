"""What a fault did to directions, by closed form."""

from typing import Any

import torch

from smcrep.evaluation.fusion_checks import true_fault
from smcrep.transition import Beliefs


class Directions:
    """Readings are their own directions."""

    def directions(self, beliefs: Beliefs) -> torch.Tensor:
        return beliefs.mean


def test_a_fault_is_half_the_squared_way_that_a_direction_moved() -> None:
    """None: 0; a right angle: 1; turned round: 2."""
    head: Any = type("Head", (), {"directions": Directions()})()
    x, y = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    clean, asked = torch.stack([x, x, x]), torch.stack([x, y, -x])

    def seen(mean: torch.Tensor) -> Beliefs:
        return Beliefs(mean[:, None], torch.zeros(3, 1, 2), torch.ones(3, 1, dtype=torch.bool))

    assert true_fault(head, seen(clean), seen(asked))[:, 0].tolist() == [0.0, 1.0, 2.0]
