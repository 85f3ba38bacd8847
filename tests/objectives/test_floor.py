"""The floor is the mean log of the number of same-state candidates."""

import math

import pytest
import torch

from smcrep.objectives.floor import action_blind_floor


def test_rows_with_different_numbers_of_same_state_candidates() -> None:
    same_state = torch.tensor([[True, True, True, False], [True, False, False, False]])
    allowed = torch.tensor([[True, True, False, True], [True, True, True, True]])
    assert float(action_blind_floor(allowed, same_state)) == pytest.approx((math.log(2) + math.log(1)) / 2)
