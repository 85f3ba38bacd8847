"""Numbers of a table as a sense takes them."""

import numpy as np
import pytest

from smcrep.data.readers.values import checked


@pytest.mark.parametrize("sense", ["rgb", "depth"])
def test_one_number_that_is_not_finite_is_enough(sense: str) -> None:
    picture = np.full((4, 5, 3) if sense == "rgb" else (4, 5), 0.5, np.float32)
    assert checked(sense, picture).shape[:2] == (4, 5)
    picture[1, 2] = np.nan
    with pytest.raises(ValueError, match=f"{sense} is not finite"):
        checked(sense, picture)


def test_clouds_keep_points_that_were_not_seen_and_lose_what_is_no_place() -> None:
    cloud = np.array([[1.0, 2, 3, 9], [np.nan, np.nan, np.nan, 9]])
    found = checked("points", cloud)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([[1, 2, 3], [np.nan] * 3], np.float32))
    np.testing.assert_array_equal(checked("points", np.arange(6.0)), [[0, 1, 2], [3, 4, 5]])
