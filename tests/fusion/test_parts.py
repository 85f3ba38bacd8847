"""A rule for each part of the embedding."""

import pytest
import torch

from smcrep.fusion import by_part, equal_precision, precision_weighted, von_mises_fisher
from smcrep.testing import assert_fusion_laws
from smcrep.transition import Beliefs


def test_each_part_by_its_own_rule() -> None:
    """Directions (1, 0) and (0, 1) at 3 and 4 give (.6, .8); the third number is the plain mean of 2 and 4."""
    mean = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 4.0]])
    beliefs = Beliefs(mean, torch.tensor([[3.0], [4.0]]).log(), torch.ones(2, dtype=torch.bool))
    fused, weight = by_part(2, invariant=von_mises_fisher, equivariant=equal_precision)(beliefs)
    assert fused.tolist() == pytest.approx([0.6, 0.8, 3.0])
    assert weight.tolist() == pytest.approx([2 / 3 * 3 / 7 + 1 / 6, 2 / 3 * 4 / 7 + 1 / 6])


def test_laws() -> None:
    """Parts of different rules turn each in itself, not together."""
    rule = by_part(2, invariant=precision_weighted, equivariant=equal_precision)
    assert_fusion_laws(rule, breaks=("flat_case", "rotation"))
    with pytest.raises(ValueError, match="num_invariant is 6 of 6 numbers; give 1 to 5"):
        assert_fusion_laws(by_part(6, invariant=equal_precision, equivariant=equal_precision))
