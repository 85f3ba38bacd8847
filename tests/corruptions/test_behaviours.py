"""Behaviours, against what they say in loops."""

import pytest
import torch

from smcrep.corruptions import (
    CORRUPTIONS,
    absent,
    biased,
    correlated,
    lagging_rows,
    replaced_rows,
    shown,
    stuck_rows,
)
from smcrep.senses import POINTS, RGB
from smcrep.transition import Senses
from tests.corruptions.samples import clouds, generator, pictures, severities

STREAMS = torch.tensor([7, 3, 7, 7, 3, 9, 7, 3])
"""Streams 7, 3 and 9, interleaved; in each, a row stands after those before it."""


def in_order(row: int) -> list[int]:
    return [i for i, stream in enumerate(STREAMS.tolist()) if stream == STREAMS[row]]


@pytest.mark.parametrize("severity", [0.0, 0.3, 0.7, 1.0])
def test_a_stuck_sense_repeats_from_some_place_on(severity: float) -> None:
    rows = stuck_rows(STREAMS, severities(8, severity)).tolist()
    for row, source in enumerate(rows):
        stream = in_order(row)
        last = round((1 - severity) * (len(stream) - 1))
        assert source == stream[min(stream.index(row), last)]
    if severity in (0, 1):
        assert rows == ([*range(8)] if severity == 0 else [0, 1, 0, 0, 1, 5, 0, 1])


@pytest.mark.parametrize(("severity", "late"), [(0.0, 0), (0.125, 1), (0.25, 2), (1.0, 8)])
def test_a_lagging_sense_is_so_many_observations_late(severity: float, late: int) -> None:
    for row, source in enumerate(lagging_rows(STREAMS, severities(8, severity)).tolist()):
        stream = in_order(row)
        assert source == stream[max(0, stream.index(row) - late)]


def test_replaced_observations_are_of_another_object_each_row_as_likely() -> None:
    object_id = torch.tensor([4, 4, 4, 1, 8, 8]).repeat(1)
    counts = torch.zeros(6, 6)
    draws = generator()
    for _ in range(3000):
        counts[torch.arange(6), replaced_rows(object_id, severities(6, 1), draws)] += 1 / 3000
    for row in range(6):
        others = object_id != object_id[row]
        expected = others.float() / others.sum()
        assert (counts[row] - expected).abs().max() < 0.04
        assert (counts[row][~others] == 0).all()


def test_a_share_of_the_severity_is_replaced() -> None:
    object_id = torch.arange(4000) % 5
    rows = replaced_rows(object_id, severities(4000, 0.3), generator())
    changed = rows != torch.arange(4000)
    assert changed.double().mean().item() == pytest.approx(0.3, abs=0.03)
    assert (object_id[rows] != object_id)[changed].all()
    assert torch.equal(replaced_rows(object_id, severities(4000, 0), generator()), torch.arange(4000))


def test_one_object_alone_cannot_be_replaced() -> None:
    with pytest.raises(ValueError, match="replaced: all 3 rows are of one object; give observations of two or more"):
        replaced_rows(torch.zeros(3, dtype=torch.long), severities(3, 1), generator())


def senses(n: int = 5) -> Senses:
    return Senses.all_present({RGB.name: pictures(n), POINTS.name: clouds(n)})


def test_shown_moves_one_sense_and_its_presence_alone() -> None:
    given, rows = senses(), torch.tensor([1, 1, 0, 3, 3])
    given.present[POINTS.name][1] = False
    out = shown(given, POINTS.name, rows)
    assert torch.equal(out[POINTS.name], clouds()[rows])
    assert out.present[POINTS.name].tolist() == [False, False, True, True, True]
    assert torch.equal(out[RGB.name], given[RGB.name])
    assert out.present[RGB.name].all()


def test_absence_has_the_chance_of_the_severity_and_brings_nothing_back() -> None:
    given = Senses.all_present({RGB.name: pictures(3000, 8), POINTS.name: clouds(3000, 1)})
    given.present[RGB.name][:1000] = False
    out = absent(given, RGB.name, severities(3000, 0.3), generator())
    assert not out.present[RGB.name][:1000].any()
    assert out.present[RGB.name][1000:].double().mean().item() == pytest.approx(0.7, abs=0.04)
    assert out.present[POINTS.name].all()
    assert given.present[RGB.name][1000:].all(), "it changes what it was given"
    assert not absent(given, RGB.name, severities(3000, 1), generator()).present[RGB.name].any()


def test_a_bias_is_the_same_for_all_rows() -> None:
    data, kind = clouds(6), CORRUPTIONS[POINTS.name, "wrong_scale"]
    ratio = (biased(kind, data, severities(6, 1), generator()) / data).mean((1, 2))
    torch.testing.assert_close(ratio, ratio[:1].expand(6))
    free = (kind(data, severities(6, 1), generator()) / data).mean((1, 2))
    assert free.std() > 0.1  # unlike without it
    torch.testing.assert_close(ratio[0], free[0])


def test_correlated_senses_fail_at_one_severity() -> None:
    given, severity = senses(), torch.tensor([0, 0.2, 0.5, 0.8, 1])
    kinds = {RGB.name: CORRUPTIONS[RGB.name, "darkness"], POINTS.name: CORRUPTIONS[POINTS.name, "wrong_scale"]}
    out = correlated(given, kinds, severity, generator())
    light = out[RGB.name].float().mean((1, 2, 3)) / given[RGB.name].float().mean((1, 2, 3))
    scale = (out[POINTS.name] / given[POINTS.name]).mean((1, 2)).log().abs() / torch.tensor(1.5).log()
    torch.testing.assert_close(1 - light, severity, atol=0.01, rtol=0)
    torch.testing.assert_close(scale, severity, atol=1e-4, rtol=0)
