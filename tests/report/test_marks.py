"""An interval is drawn where a record has one, from end to end, and none where it has none."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer

from smcrep.report import marks
from smcrep.results import Record

RECORDS = [Record(0.4, (0.1, 0.5)), Record(0.7)]


@pytest.fixture
def axis():  # type: ignore[no-untyped-def]
    figure, axis = plt.subplots()
    yield axis
    plt.close(figure)


def test_values_and_intervals() -> None:
    middle, bounds = marks.values(RECORDS)
    np.testing.assert_array_equal(middle, [0.4, 0.7])
    np.testing.assert_array_equal(bounds, [[0.1, 0.5], [np.nan, np.nan]])


def test_dots_carry_their_interval(axis: Axes) -> None:
    marks.dots(axis, RECORDS, np.arange(2), "black")
    first, second = axis.collections[0].get_segments()  # type: ignore[attr-defined]
    np.testing.assert_array_equal(first, [[0.1, 0], [0.5, 0]])
    assert second.size == 0


def test_bars_carry_their_interval(axis: Axes) -> None:
    marks.bars(axis, np.arange(2), RECORDS, 0.8, "black", "ours")
    (drawn,) = (each for each in axis.containers if isinstance(each, ErrorbarContainer))
    whiskers = drawn.lines[2][0].get_segments()
    np.testing.assert_allclose(whiskers[0], [[0, 0.1], [0, 0.5]])
    assert [patch.get_height() for patch in axis.patches] == [0.4, 0.7]


def test_bands_carry_their_interval(axis: Axes) -> None:
    marks.band(axis, [1, 2], [RECORDS[0], RECORDS[0]], "black", "ours")
    corners = axis.collections[0].get_paths()[0].vertices
    assert (corners[:, 1].min(), corners[:, 1].max()) == (0.1, 0.5)


def test_reference_has_words_and_a_line(axis: Axes) -> None:
    marks.reference(axis, 0.25, "chance")
    assert axis.lines[0].get_ydata()[0] == 0.25  # type: ignore[index]
    assert [text.get_text() for text in axis.texts] == ["chance"]
