"""Recognition by fused senses where one sense knows the object, where none does, and where decisions are fused."""

import numpy as np
import pytest
import torch
from torch import Tensor

from smcrep.evaluation.fused_recognition import Draws, by_object, draw_episodes, recognised
from smcrep.fusion.baselines.methods import METHODS
from smcrep.fusion.method import FitSettings
from smcrep.transition import Beliefs

OBJECTS, STATES, VIEWS, WAYS = 6, 5, 3, 4
object_ids = np.repeat(np.arange(OBJECTS), STATES * VIEWS)
state_ids = np.repeat(np.arange(OBJECTS * STATES), VIEWS)
FIRST = np.arange(0, len(object_ids), VIEWS)


@pytest.fixture(scope="module")
def draws() -> Draws:
    return draw_episodes(
        object_ids, state_ids, object_ids[FIRST], state_ids[FIRST],
        n_way=WAYS, k_shot=2, num_query=3, num_episodes=80, seed=0,
    )  # fmt: skip


def made(rows: np.ndarray, *, wrong: bool = False) -> Beliefs:
    """Sense 0 is the object's own name (``wrong``: that of the next object), sense 1 is noise."""
    name = torch.eye(OBJECTS)[(object_ids[rows] + wrong) % OBJECTS]
    noise = torch.randn(len(rows), OBJECTS, generator=torch.Generator().manual_seed(0))
    mean = torch.stack([name, noise], 1)
    return Beliefs(mean, torch.zeros_like(mean), torch.ones(mean.shape[:2], dtype=torch.bool))


GALLERY = made(np.arange(len(object_ids)))


def first_sense(beliefs: Beliefs) -> Tensor:
    return beliefs.mean[..., 0, :]


def second_sense(beliefs: Beliefs) -> Tensor:
    return beliefs.mean[..., 1, :]


def test_support_and_queries_are_of_the_object_and_of_other_states(draws: Draws) -> None:
    support, query = draws.support.numpy(), FIRST[draws.query.numpy()]
    assert (object_ids[support] == draws.object.numpy()[..., None]).all()
    assert (object_ids[query] == draws.object.numpy()[..., None]).all()
    for e in range(80):
        assert len(set(draws.object[e].tolist())) == WAYS
        for w in range(WAYS):
            own = set(state_ids[support[e, w]])
            assert len(own) == 2
            assert not own & set(state_ids[query[e, w]])


def test_known_names_are_recognised_and_noise_is_chance(draws: Draws) -> None:
    assert (recognised(first_sense, GALLERY, made(FIRST), draws) == 1).all()
    by_chance = recognised(second_sense, GALLERY, made(FIRST), draws)
    assert abs(float(by_chance.mean()) - 1 / WAYS) < 0.06


def test_the_queries_are_those_given(draws: Draws) -> None:
    """Named as the next object, a query is right nowhere; where the next object is not in the episode, all tie."""
    found = recognised(first_sense, GALLERY, made(FIRST, wrong=True), draws)
    following = (draws.object + 1) % OBJECTS
    there = (draws.object[:, None] == following[..., None]).any(-1)
    assert (found[there] == 0).all()
    torch.testing.assert_close(found[~there], torch.full_like(found[~there], 1 / WAYS))
    mean = by_object(found, draws)
    assert mean.shape == (OBJECTS,)
    assert mean.mean() == pytest.approx(float(found.mean()), abs=0.02)


def test_a_decider_is_given_the_cosines_of_each_sense(draws: Draws) -> None:
    method = METHODS["mean_log_probability"].make(2, OBJECTS, FitSettings())
    few = Draws(draws.support[:20], draws.query[:20], draws.object[:20])
    both = float(recognised(method, GALLERY, made(FIRST), few).mean())
    assert 0.8 < both <= 1

    class First:
        def decide(self, logits: Tensor, beliefs: Beliefs) -> Tensor:
            torch.testing.assert_close(logits[:, 0].amax(-1), torch.full(logits.shape[:1], 10.0))  # cosine 1 over .1
            return logits[:, 0].log_softmax(-1)

    assert (recognised(First(), GALLERY, made(FIRST), few) == 1).all()


def test_too_few_objects_or_states_are_refused() -> None:
    wrong = {"num_query": 1, "num_episodes": 1, "seed": 0}
    rows = (object_ids, state_ids, object_ids[FIRST], state_ids[FIRST])
    with pytest.raises(ValueError, match="6 objects, n_way is 7; lower it"):
        draw_episodes(*rows, n_way=7, k_shot=1, **wrong)
    with pytest.raises(ValueError, match="has 5 states, 5 of them are labelled; lower k_shot"):
        draw_episodes(*rows, n_way=2, k_shot=5, **wrong)
