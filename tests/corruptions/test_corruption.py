"""The record and its table: a stranger's kind goes in, and what cannot be is refused in one line."""

import pytest
import torch

from smcrep.corruptions import CORRUPTIONS, Corruption, CorruptionTable
from smcrep.senses import POINTS, RGB
from tests.corruptions.samples import clouds, generator, pictures, severities


def test_the_size_of_an_effect_finds_its_severity() -> None:
    noise = CORRUPTIONS[RGB.name, "noise"]
    assert noise.severity(0.1) == pytest.approx(0.25)
    assert CORRUPTIONS[POINTS.name, "jitter"].severity(0.4) == 1
    with pytest.raises(
        ValueError, match=r"noise: 0.5 is out of reach \(standard deviation 0.4 of full scale\); give 0 to"
    ):
        noise.severity(0.5)
    with pytest.raises(ValueError, match=r"thinning: its effect is not linear \(16 points are left\)"):
        CORRUPTIONS[POINTS.name, "thinning"].severity(0.5)


@pytest.mark.parametrize(
    ("severity", "words"),
    [
        (torch.tensor(0.5), r"severity is torch.float32 \[\] for 5 observations"),
        (torch.ones(4), r"severity is torch.float32 \[4\] for 5"),
        (torch.ones(5, dtype=torch.long), r"severity is torch.int64 \[5\]"),
        (torch.tensor([0, 0, 0, 0, 1.5]), "severities go from 0 to 1.5; give numbers from 0 to 1"),
        (torch.tensor([0, 0, 0, 0, torch.nan]), "give numbers from 0 to 1"),
        (torch.tensor([-0.1, 0, 0, 0, 1]), "go from -0.1 to 1"),
    ],
)
def test_a_severity_that_is_none_is_refused(severity: torch.Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CORRUPTIONS[RGB.name, "fog"](pictures(), severity, generator())


def test_a_stranger_adds_a_kind_and_replaces_it() -> None:
    table = CorruptionTable()
    table.register(CORRUPTIONS[POINTS.name, "jitter"])
    table.seal()
    lifted = Corruption(
        "lifted", POINTS.name, lambda x, s, g: x - 0.1 * s[:, None, None] * torch.tensor([0, 1, 0]),
        zero_mean=False, in_training=False, effect="up, metres", size=0.1,
    )  # fmt: skip
    assert table.register(lifted) is lifted
    assert table.held_out(POINTS.name) == (lifted,)
    assert [kind.name for kind in table.of(POINTS.name)] == ["jitter", "lifted"]
    assert ("points", "lifted") in table
    assert len(table) == 2
    moved = table["points", "lifted"](clouds(), severities(5, 0.5), generator())
    torch.testing.assert_close(moved, clouds() - torch.tensor([0, 0.05, 0]))
    table.register(lifted)
    assert len(table) == 2
    with pytest.raises(ValueError, match="'jitter' of 'points' is a corruption of smcrep; give yours another name"):
        table.register(CORRUPTIONS[POINTS.name, "jitter"])


def test_an_unknown_kind_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(
        ValueError, match="'depth' has no corruption 'rain', only noise, missing_returns, edge_bleeding"
    ):
        CORRUPTIONS["depth", "rain"]
    with pytest.raises(ValueError, match="'touch' has no corruption 'noise', only none"):
        CORRUPTIONS["touch", "noise"]
