"""Parts are read by the ridge regression that scikit-learn has, and meanings that were never trained on are found."""

import numpy as np
import torch
from sklearn.linear_model import Ridge

from smcrep.geometry.action import KINDS
from smcrep.vla import paraphrase_task as task
from smcrep.vla.captions import HELD_OUT_DEEDS, HELD_OUT_SENTENCES, SENTENCES
from smcrep.vla.factored import FactoredReader, meaning_scores


def test_maps_are_those_of_ridge_regression() -> None:
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(60, 7, generator=g), torch.randint(3, (60,), generator=g)
    y[:3] = torch.arange(3)
    found = FactoredReader.fit(x, {"part": y}, ridge=2.0).scores(x)["part"]
    oracle = Ridge(alpha=2.0, fit_intercept=False)  # the constant is shrunk too, as it is a column like any other
    centred = np.column_stack([x.numpy() - x.numpy().mean(0), np.ones(60)]).astype(np.float64)
    wanted = oracle.fit(centred, np.eye(3)[y.numpy()]).predict(centred)
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-5)


def test_meaning_never_trained_on_is_found_from_its_parts() -> None:
    meanings = np.array([(f, c, a) for f in range(4) for c in range(3) for a in range(2)])
    vectors = torch.from_numpy(np.column_stack([np.eye(n)[meanings[:, i]] for i, n in enumerate((4, 3, 2))])).float()
    seen = torch.from_numpy((meanings.sum(1) % 3) != 0)
    parts = {name: x[seen] for name, x in task.parts_of(meanings).items()}
    scores = FactoredReader.fit(vectors[seen], parts, ridge=1e-3).scores(vectors)
    best = meaning_scores(scores, task.parts_of(meanings)).argmax(1)
    assert best.tolist() == list(range(len(meanings)))


def test_class_without_a_sentence_is_never_meant() -> None:
    scores = FactoredReader.fit(torch.eye(4), {"a": torch.tensor([0, 0, 1, 1])}, 1e-3, {"a": 3}).scores(torch.eye(4))
    assert scores["a"].argmax(1).tolist() == [0, 0, 1, 1]
    assert scores["a"][:, 2].tolist() == [0, 0, 0, 0]


def test_score_of_a_meaning_is_the_sum_over_its_parts() -> None:
    scores = {"a": torch.tensor([[1.0, 2.0]]), "b": torch.tensor([[10.0, 20.0, 30.0]])}
    meanings = {"a": torch.tensor([0, 1, 1]), "b": torch.tensor([2, 0, 1])}
    assert meaning_scores(scores, meanings).tolist() == [[31, 12, 22]]


def test_no_object_and_no_sentence_is_on_both_sides() -> None:
    rng = np.random.default_rng(0)
    trained, held = task.objects(rng)
    assert not {tuple(row) for row in trained.tolist()} & {tuple(row) for row in held.tolist()}
    train, test = task.training(trained, 200, rng), task.asked(held, 100, rng)
    assert {tuple(row) for row in test.meaning[:, :2].tolist()} <= {tuple(row) for row in held.tolist()}
    assert not set(train.texts) & set(test.texts)
    assert len(SENTENCES) + len(HELD_OUT_SENTENCES) == len({*SENTENCES, *HELD_OUT_SENTENCES})


def test_meaning_says_what_the_sentence_does() -> None:
    rng = np.random.default_rng(1)
    found = task.asked(task.objects(rng)[1], 200, rng)
    for text, (family, colour, act), phrasing in zip(found.texts, found.meaning.tolist(), found.phrasing, strict=True):
        thing = task.phrase(task.plain(list(task.FAMILIES)[family]), task.COLOURS[colour])
        deed = task.PHRASINGS[KINDS[act]][phrasing].format(it=thing)
        assert deed in text
        assert (deed in [d.format(it=thing) for d in HELD_OUT_DEEDS[KINDS[act]]]) == (phrasing >= task.NUM_TRAINED)
    num = task.NUM_TRAINED + 2
    counts = np.bincount(found.meaning[:, 2] * num + found.phrasing, minlength=len(KINDS) * num)
    assert set(counts.tolist()) == {2}  # every phrasing as often as every other
