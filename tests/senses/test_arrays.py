"""What every sense is given becomes a tensor of its own, or one line."""

import numpy as np
import pytest
import torch

from smcrep.senses.arrays import as_tensor


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([[1]], "touch is a list; pass a numeric NumPy array or a torch tensor"),
        (None, "touch is a NoneType; pass"),
        (np.array(["a"]), "touch is an array of <U1; pass a numeric"),
        (np.array([object()]), "touch is an array of object; pass a numeric"),
        (np.array([1j]), "touch is an array of complex128; pass a numeric"),
    ],
)
def test_what_is_no_numeric_array_is_one_line(value: object, words: str) -> None:
    with pytest.raises(ValueError, match=f"^embed: {words}") as caught:
        as_tensor("touch", value)
    assert "\n" not in str(caught.value)


def test_array_is_copied_and_may_be_flipped_read_only_or_of_another_byte_order() -> None:
    array = np.arange(6, dtype=">f4").reshape(2, 3)[:, ::-1]
    array.setflags(write=False)
    x = as_tensor("touch", array)
    assert x.tolist() == array.tolist()
    x.zero_()
    assert array.any()


def test_tensor_loses_its_history_and_keeps_its_memory() -> None:
    x = torch.ones(2, requires_grad=True)
    found = as_tensor("touch", x)
    assert not found.requires_grad
    assert found.data_ptr() == x.data_ptr()
