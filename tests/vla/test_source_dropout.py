"""The curriculum, and influence on policies whose use of each source is planted."""

import math

import pytest
import torch

from smcrep.vla.policy import Sources
from smcrep.vla.source_dropout import drop_sources, dropout_at, influence


def sources(n: int = 4000) -> Sources:
    g = torch.Generator().manual_seed(0)
    return Sources({name: torch.randn(n, 2, generator=g) for name in ("cloud", "words", "ignored")}, {})


def planted(given: Sources) -> torch.Tensor:
    """Three parts cloud, one part words."""
    total = torch.zeros(len(given.data["cloud"]), 1)
    for name, weight in (("cloud", 3.0), ("words", 1.0)):
        there = given.present.get(name, torch.ones(len(total), dtype=torch.bool))
        total = total + weight * torch.where(there[:, None], given.data[name][:, :1], 0)
    return total


def test_the_curriculum_is_linear_from_0_to_a_half() -> None:
    assert [dropout_at(step, 5) for step in (0, 1, 2, 4, 9)] == pytest.approx([0, 0.125, 0.25, 0.5, 0.5])
    assert dropout_at(0, 1) == 0
    with pytest.raises(ValueError, match="give a probability"):
        dropout_at(0, 5, 1.5)


def test_sources_drop_as_often_as_asked_and_independently() -> None:
    g = torch.Generator().manual_seed(1)
    given = sources()
    dropped = drop_sources(given, 0.3, g)
    kept = {name: there.float() for name, there in dropped.present.items()}
    assert all(k.mean().item() == pytest.approx(0.7, abs=0.03) for k in kept.values())
    assert (kept["cloud"] * kept["words"]).mean().item() == pytest.approx(0.49, abs=0.03)
    assert not drop_sources(given, 1.0, g).present["cloud"].any()
    assert drop_sources(given, 0.0, g).present["cloud"].all()


def test_what_was_absent_stays_absent() -> None:
    absent = torch.zeros(4000, dtype=torch.bool)
    given = Sources(sources().data, {"cloud": absent})
    assert not drop_sources(given, 0.0, torch.Generator()).present["cloud"].any()


def test_influence_is_the_planted_share() -> None:
    """sqrt(9 / 10) and sqrt(1 / 10) of the spread; nothing of what is ignored."""
    found = influence(planted, sources())
    assert found["cloud"] == pytest.approx(math.sqrt(0.9), rel=0.05)
    assert found["words"] == pytest.approx(math.sqrt(0.1), rel=0.05)
    assert found["ignored"] == 0


def test_influence_counts_rows_where_the_source_was_there() -> None:
    half = torch.arange(4000) < 2000
    found = influence(planted, Sources(sources().data, {"words": half}))
    assert found["words"] == pytest.approx(1 / math.sqrt(9.5), rel=0.07)
    assert math.isnan(influence(planted, Sources(sources().data, {"words": torch.zeros_like(half)}))["words"])
