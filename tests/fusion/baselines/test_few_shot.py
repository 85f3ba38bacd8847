"""Logits of each sense alone, and episodes among training objects."""

import pytest
import torch

from smcrep.fusion.baselines import class_means, draw_decisions, few_shot_logits
from smcrep.transition import Beliefs
from tests.fusion.baselines.planted import rows


def test_means_and_logits_by_hand() -> None:
    mean = torch.tensor([[[1.0, 0.0]], [[3.0, 0.0]], [[0.0, 5.0]], [[9.0, 9.0]]])
    present = torch.tensor([[True], [True], [True], [False]])
    beliefs = Beliefs(mean, torch.zeros(4, 1, 1), present)
    means = class_means(beliefs, torch.tensor([0, 0, 1, 1]), 3)
    assert means.tolist() == [[[2, 0], [0, 5], [0, 0]]]  # the absent row counts nothing, class 2 has no row
    logits = few_shot_logits(beliefs, means, 0.5)
    assert logits[0].tolist() == [[2, 0, 0]]
    assert logits[3].tolist() == [[0, 0, 0]]


def drawn(**options):
    beliefs, label, severity = rows(8, 10, 0)
    settings = dict(num_ways=5, num_shots=2, num_queries=3, num_episodes=4, temperature=0.1, severity=severity)
    data = draw_decisions(beliefs, label, generator=torch.Generator().manual_seed(0), **{**settings, **options})
    return data, beliefs, label, severity


def test_an_episode_holds_the_queries_of_its_ways() -> None:
    data, beliefs, label, severity = drawn()
    assert data.logits.shape == (4 * 5 * 3, 2, 5)
    assert torch.equal(data.beliefs.mean, beliefs.mean[data.index])
    assert torch.equal(data.severity, severity[data.index])
    for episode in range(4):
        index, target = data.index[15 * episode :][:15], data.label[15 * episode :][:15]
        assert target.bincount().tolist() == [3] * 5
        assert len(set(index.tolist())) == 15
        objects = {int(label[i]): int(t) for i, t in zip(index, target, strict=True)}
        assert len(objects) == 5
        assert sorted(objects.values()) == [0, 1, 2, 3, 4]


def test_labelled_rows_are_clean_and_no_queries() -> None:
    """All rows of an object but its labelled ones are queries when enough are asked for."""
    _, label, severity = rows(8, 10, 0)
    clean = severity[:, 1] == 0
    data, *_ = drawn(num_queries=100, clean=clean, num_episodes=1)
    asked = set(data.index.tolist())
    ways = label[data.index].unique()
    labelled = [i for i in range(80) if label[i] in ways and i not in asked]
    assert len(labelled) == 2 * 5
    assert clean[labelled].all()
    assert not clean[data.index].all()
    right = data.logits[:, 0].argmax(-1) == data.label
    assert right.float().mean() > 0.6  # of five ways; a mix-up of ways would leave chance


def test_the_right_way_wins_with_clean_senses() -> None:
    _, _, severity = rows(8, 10, 0)
    data, *_ = drawn(clean=severity[:, 1] == 0)
    whole = severity[data.index, 1] == 0
    assert whole.any()
    assert (data.logits[whole, 1].argmax(-1) == data.label[whole]).all()


def test_too_few_objects_are_refused_in_one_line() -> None:
    with pytest.raises(
        ValueError, match="draw_decisions: 8 objects have more than 2 rows to label, 9 are needed; lower"
    ):
        drawn(num_ways=9)
