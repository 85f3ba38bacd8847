"""Laws: objects of a batch are distinct, ranks share no state, resuming continues bit for bit, the thread ends."""

import gc
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from smcrep.data.loader import TransitionLoader, epoch_order
from smcrep.data.store import Store
from smcrep.transition import Targets, Transition, map_tensors
from tests.data.stores import random_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    random_store(tmp_path, shards=(14, 16), num_objects=6)
    return Store(tmp_path)


def threads() -> int:
    return sum(t.name == "smcrep-prefetch" for t in threading.enumerate())


def flat(value: object) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    map_tensors(value, lambda t: found.append(t) or t)
    return found


def equal(a: object, b: object) -> bool:
    return all(torch.equal(x, y) for x, y in zip(flat(a), flat(b), strict=True))


OBJECTS = {
    "equal counts": np.repeat(np.arange(12), 10),
    "one state an object": np.arange(64),
    "uneven": np.repeat(np.arange(20), np.random.default_rng(0).integers(1, 30, 20)),
    "just enough objects": np.tile(np.arange(8), 5),
    "scattered ids": np.repeat([5, -3, 10**12, 7, 70, 71, 72, 73], 4),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_of_a_batch_are_distinct_and_no_state_comes_twice(name: str) -> None:
    objects = OBJECTS[name]
    order = epoch_order(objects, 8, np.random.default_rng(1))
    assert len(np.unique(order)) == order.size
    assert all(len(np.unique(objects[batch])) == 8 for batch in order)
    most = np.unique(objects, return_counts=True)[1].max()
    if most * 8 <= len(objects):  # no object is so common that it must be left out
        assert len(objects) - order.size < 8


def test_too_few_objects_are_repeated_as_little_as_possible() -> None:
    order = epoch_order(np.repeat(np.arange(3), 40), 8, np.random.default_rng(0))
    assert order.shape == (15, 8)
    assert all(max(Counter((batch // 40).tolist()).values()) == 3 for batch in order)
    lopsided = np.array([0] + [1] * 99)  # one object has a single state
    assert epoch_order(lopsided, 64, np.random.default_rng(0)).shape == (1, 64)


def test_every_state_gets_its_turn() -> None:
    objects = np.array([0] * 50 + list(range(1, 8)))  # each epoch can use one state of object 0
    seen = {int(s) for e in range(400) for s in epoch_order(objects, 8, np.random.default_rng([0, e])).ravel()}
    assert seen == set(range(57))


def test_epochs_and_seeds_differ_and_repeat() -> None:
    objects = OBJECTS["equal counts"]
    orders = [epoch_order(objects, 8, np.random.default_rng(key)) for key in ([0, 0], [0, 0], [0, 1], [1, 0])]
    np.testing.assert_array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])
    assert not np.array_equal(orders[0], orders[3])


def test_batches_are_the_states_of_the_store(store: Store) -> None:
    with TransitionLoader(store, batch_states=4, seed=3) as loader:
        for transition, targets in islice(loader, 20):
            states = transition.state_id.numpy()
            assert equal((transition), store.transitions(states))
            assert equal(targets, store.targets(states, clean_depth=False))
            assert len(np.unique(transition.object_id)) == 4


def test_the_order_is_that_of_the_seed(store: Store) -> None:
    def drawn(seed: int) -> list[list[int]]:
        with TransitionLoader(store, batch_states=4, seed=seed, prefetch=0) as loader:
            return [transition.state_id.tolist() for transition, _ in islice(loader, 6)]

    assert drawn(3) == drawn(3)
    orders = [str(drawn(seed)) for seed in range(5)]
    assert len(set(orders)) == 5
    expected = epoch_order(store.object_ids, 4, np.random.default_rng([3, 0]))
    assert drawn(3)[: len(expected)] == expected[:6].tolist()


@pytest.mark.parametrize("world_size", [2, 3])
def test_ranks_never_share_a_state_within_an_epoch(store: Store, world_size: int) -> None:
    loaders = [
        TransitionLoader(store, batch_states=4, seed=3, rank=r, world_size=world_size, prefetch=r)
        for r in range(world_size)
    ]
    num_batches = len(epoch_order(store.object_ids, 4 * world_size, np.random.default_rng([3, 0])))
    epochs = []
    for _ in range(2):
        seen = [[t.state_id.tolist() for t, _ in islice(loader, num_batches)] for loader in loaders]
        states = np.concatenate([np.ravel(s) for s in seen])
        assert len(np.unique(states)) == len(states) == num_batches * 4 * world_size
        assert all(len({s % 6 for s in batch}) == 4 for rank in seen for batch in rank)  # 6 objects, 8 or 12 states
        assert {loader.state_dict()["epoch"] for loader in loaders} == {len(epochs) + 1}
        epochs.append(seen)
    assert epochs[0] != epochs[1]
    for loader in loaders:
        loader.close()


@pytest.mark.parametrize("prefetch", [0, 1, 3])
@pytest.mark.parametrize("after", [0, 1, 6, 7, 8, 16])  # an epoch has 7 batches
def test_resuming_continues_bit_for_bit(store: Store, prefetch: int, after: int) -> None:
    with TransitionLoader(store, batch_states=4, seed=5, prefetch=0) as straight:
        expected = list(islice(straight, after + 9))
    with TransitionLoader(store, batch_states=4, seed=5, prefetch=prefetch) as first:
        for _ in range(after):
            next(first)
        time.sleep(0.02)  # let the thread run ahead: what it read does not count
        state = first.state_dict()
    with TransitionLoader(store, batch_states=4, seed=5, prefetch=prefetch) as second:
        next(second)
        second.load_state_dict(state)
        assert second.state_dict() == state
        for batch in expected[after:]:
            assert equal(next(second), batch)


@pytest.mark.parametrize(("before", "now"), [(2, 1), (1, 2), (3, 2)])
def test_another_number_of_processes_goes_on_at_the_same_share_of_the_epoch(
    store: Store, before: int, now: int
) -> None:
    with TransitionLoader(store, batch_states=2, seed=5, world_size=before, prefetch=0) as first:
        for _ in range(2):
            next(first)
        state = first.state_dict()
    with TransitionLoader(store, batch_states=2, seed=5, world_size=now, prefetch=0) as second:
        second.load_state_dict(state)
        seen = 2 * before * 2
        assert second.state_dict() | {"epoch": 0, "batch": seen // (2 * now)} == second.state_dict()
        per_epoch = len(epoch_order(store.object_ids, 2 * now, np.random.default_rng([5, 0])))
        for _ in range(per_epoch - seen // (2 * now)):
            next(second)
        assert second.state_dict()["epoch"] == 1


def test_resuming_with_another_draw_is_refused(store: Store) -> None:
    loader = TransitionLoader(store, batch_states=4, seed=5, prefetch=0)
    other = TransitionLoader(store, batch_states=2, seed=6, prefetch=0)
    with pytest.raises(ValueError, match="cannot resume, seed was 5, is 6, batch_states was 4, is 2; resume with"):
        other.load_state_dict(loader.state_dict())


def test_the_thread_ends_on_close_and_when_the_loader_is_dropped(store: Store) -> None:
    before = threads()
    loader = TransitionLoader(store, batch_states=4, seed=0)
    next(loader)
    assert threads() == before + 1
    loader.close()
    loader.close()
    assert threads() == before
    with pytest.raises(StopIteration):
        next(loader)
    dropped = TransitionLoader(store, batch_states=4, seed=0)
    next(dropped)
    del dropped
    gc.collect()
    assert threads() == before


def test_a_script_that_forgets_to_close_ends(store: Store) -> None:
    code = (
        "import sys; from smcrep.data.loader import TransitionLoader; from smcrep.data.store import Store\n"
        "loader = TransitionLoader(Store(sys.argv[1]), batch_states=4, seed=0); next(loader); print('end')"
    )
    command = [sys.executable, "-c", code, str(store.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2])
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


@dataclass
class Broken:
    store: Store

    @property
    def object_ids(self) -> np.ndarray:
        return self.store.object_ids

    def load(self, states: np.ndarray, epoch: int) -> tuple[Transition, Targets]:
        raise ValueError("shard 3 is gone")


@pytest.mark.parametrize("prefetch", [0, 2])
def test_an_error_of_the_thread_reaches_the_caller(store: Store, prefetch: int) -> None:
    before = threads()
    loader = TransitionLoader(Broken(store), batch_states=4, seed=0, prefetch=prefetch)
    with pytest.raises(ValueError, match="shard 3 is gone"):
        next(loader)
    assert threads() == before


def test_impossible_requests_are_named(store: Store) -> None:
    with pytest.raises(ValueError, match=r"2 x 16 states a batch, the source has 30; lower batch_states or generate"):
        TransitionLoader(store, batch_states=16, seed=0, world_size=2)
    for wrong in ({"batch_states": 0}, {"rank": 1}, {"prefetch": -1}):
        with pytest.raises(ValueError, match="a rank below world_size"):
            TransitionLoader(store, **({"batch_states": 4, "seed": 0} | wrong))
