"""What fusion is chosen by: what a method reads, and its accuracy where it is known who is right."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from smcrep.evaluation.fusion_data import ObjectSet
from smcrep.evaluation.fusion_fit import FitData, Reader
from smcrep.fusion.head import DirectionHead
from smcrep.fusion.same_thing import Looks, SameThing
from smcrep.transition import Beliefs

OBJECTS, STATES, VIEWS = 4, 4, 2
OBJECT_OF = np.repeat(np.arange(OBJECTS), STATES * VIEWS)
STATE_OF = np.repeat(np.arange(OBJECTS * STATES), VIEWS)


def named(shift: int) -> Beliefs:
    """Of all observations: the first sense is the name of the object that stands ``shift`` behind its own, the second
    is noise."""
    name = torch.eye(OBJECTS)[(OBJECT_OF + shift) % OBJECTS]
    mean = torch.stack([name, torch.randn(name.shape, generator=torch.Generator().manual_seed(0))], 1)
    return Beliefs(mean, torch.zeros_like(mean), torch.ones(mean.shape[:2], dtype=torch.bool))


def first_sense(beliefs: Beliefs) -> Tensor:
    return beliefs.mean[..., 0, :]


@pytest.fixture(scope="module")
def data() -> FitData:
    """Faulty once as they are, twice as the next object."""
    store = SimpleNamespace(num_rows=len(OBJECT_OF), num_states=OBJECTS * STATES)
    own = ObjectSet(named(0), OBJECT_OF, STATE_OF, np.arange(0, len(OBJECT_OF), VIEWS), (store,))  # type: ignore[arg-type]
    faulty = {"fit": [named(0)], "val": [named(0), named(1), named(1)]}
    return FitData(OBJECTS, {"fit": own, "val": own}, faulty, {"n_way": OBJECTS, "k_shot": 2}, num_query=3)


def test_score_is_the_mean_of_clean_queries_and_of_each_copy_of_faulty_ones(data: FitData) -> None:
    """All are right where the first sense holds the object's own name, and none where it holds that of the next."""
    assert data.score(Reader(first_sense)) == pytest.approx((1 + 1 + 0 + 0) / 4)


def test_labels_and_queries_are_what_a_reader_reads_of_them(data: FitData) -> None:
    """Of one number alone the first object is told from the others, which have none: they tie, a quarter right each. As
    the next object, the last is taken for the first, and the first ties."""
    sound, faulty = (1 + 3 * 0.25) / 4, (0 + 3 * 0.25) / 4
    assert data.score(Reader(first_sense, 1)) == pytest.approx((2 * sound + 2 * faulty) / 4)
    assert Reader(first_sense, 1).read(data.val_gallery).mean.shape == (len(OBJECT_OF), 2, 1)


def test_looks_are_read_by_what_compares_them() -> None:
    torch.manual_seed(0)
    method, given = SameThing(DirectionHead(2, OBJECTS)), named(0)
    found = Reader(method, 1).read(given)
    assert isinstance(found, Looks)
    with torch.no_grad():
        torch.testing.assert_close(found.mean, method.head.directions.directions(given))
