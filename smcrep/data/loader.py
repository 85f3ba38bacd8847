"""Batches for training without end: states of distinct objects, in an order that depends on the seed alone."""

import heapq
import queue
import threading
import weakref
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from smcrep.transition import Targets, Transition


class Source(Protocol):
    """What a loader draws from: `data.store.Store`, `data.readers.images.AugmentedImages`, or your own."""

    @property
    def object_ids(self) -> np.ndarray:
        """int64 [num_states]."""
        ...

    def load(self, states: np.ndarray, epoch: int) -> tuple[Transition, Targets]:
        """States [b] as one batch. A pure function of its arguments, called from another thread."""
        ...


def epoch_order(object_ids: np.ndarray, batch_states: int, rng: np.random.Generator) -> np.ndarray:
    """int64 [num_batches, batch_states]: states of one epoch, none twice, the objects of a batch distinct.

    The objects with most states left go first (ties at random), so a batch repeats an object only where the store has
    fewer objects than a batch has states. States that would force a repetition wait for another epoch.
    """
    counts = np.unique(object_ids, return_counts=True)[1]
    # An object counts as `repeats` objects where there are too few of them to fill a batch.
    repeats = -(-batch_states // len(counts))
    while np.minimum(counts, repeats).sum() < batch_states:
        repeats += 1

    order = rng.permutation(len(object_ids))
    order = order[np.argsort(object_ids[order], kind="stable")]  # by object, at random within
    position = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    group = np.repeat(np.arange(len(counts)), counts) * repeats + position % repeats
    order = order[np.argsort(group, kind="stable")]
    left = np.bincount(group, minlength=len(counts) * repeats)
    first = np.cumsum(left) - left

    ties = iter(rng.random(len(order) + len(left)))
    heap = [(-count - next(ties), g) for g, count in enumerate(left.tolist()) if count]
    heapq.heapify(heap)
    batches = []
    while len(heap) >= batch_states:
        chosen = np.array([heapq.heappop(heap)[1] for _ in range(batch_states)])
        left[chosen] -= 1
        for g in chosen[left[chosen] > 0].tolist():
            heapq.heappush(heap, (-left[g] - next(ties), g))
        # States of one object side by side: dealt out by turns, they go to different ranks.
        own, at = np.unique(chosen // repeats, return_inverse=True)
        by_object = np.argsort(rng.permutation(len(own))[at], kind="stable")
        batches.append(order[first[chosen] + left[chosen]][by_object])
    return np.stack(batches)


class TransitionLoader(Iterator[tuple[Transition, Targets]]):
    """Endless batches of (Transition, Targets); every epoch is drawn anew.

    Rank r of ``world_size`` gets every world_size-th state of each global batch: within an epoch no state comes twice,
    on any rank. ``prefetch`` batches are read ahead by a thread (0: none); `close`, the end of a ``with`` block, or the
    garbage collector ends it. `state_dict` counts batches handed out, not batches read ahead.
    """

    def __init__(
        self, source: Source, *, batch_states: int, seed: int, rank: int = 0, world_size: int = 1, prefetch: int = 2
    ) -> None:
        if batch_states < 1 or prefetch < 0 or not 0 <= rank < world_size:
            raise ValueError(
                f"TransitionLoader: batch_states {batch_states}, prefetch {prefetch}, rank {rank} of {world_size};"
                " give at least 1, at least 0, and a rank below world_size"
            )
        if batch_states * world_size > len(source.object_ids):
            raise ValueError(
                f"TransitionLoader: {world_size} x {batch_states} states a batch, the source has"
                f" {len(source.object_ids)}; lower batch_states or generate more states"
            )
        self._source, self._rank, self._prefetch = source, rank, prefetch
        self._draw = {
            "seed": seed,
            "batch_states": batch_states,
            "world_size": world_size,
            "num_states": len(source.object_ids),
        }
        self._items: Iterator[Any] = iter(())
        self._next = (0, 0)  # epoch and batch of the next one handed out
        self._restart()

    def __next__(self) -> tuple[Transition, Targets]:
        item = next(self._items)
        if isinstance(item, BaseException):
            self.close()
            raise item
        self._next, batch = item
        return batch

    def state_dict(self) -> dict[str, int]:
        return {**self._draw, "epoch": self._next[0], "batch": self._next[1]}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on as the loader that gave ``state`` would have. It must draw from the same source in the same way, but
        ``world_size`` may differ: the epoch then goes on at the same share of its states, in another order, so that
        some of them come twice in it and others not."""
        ours = {name: value for name, value in self._draw.items() if name != "world_size"}
        other = {name: (state.get(name), value) for name, value in ours.items() if state.get(name) != value}
        if other:
            words = ", ".join(f"{name} was {was}, is {now}" for name, (was, now) in other.items())
            raise ValueError(f"TransitionLoader: cannot resume, {words}; resume with the same values")
        self.close()
        self._next = (state["epoch"], state["batch"] * state["world_size"] // self._draw["world_size"])
        self._restart()

    def close(self) -> None:
        """End the thread; the loader hands out nothing more until `load_state_dict`."""
        self._finish()
        self._items = iter(())

    def __enter__(self) -> "TransitionLoader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _restart(self) -> None:
        # Neither generator nor thread refers to self: a loader that is dropped ends its thread.
        items = _batches(self._source, self._draw, self._rank, self._next)
        self._items, self._finish = _ahead(items, self._prefetch) if self._prefetch else (items, lambda: None)
        if self._prefetch:
            weakref.finalize(self, self._finish)


def _batches(source: Source, draw: dict[str, int], rank: int, start: tuple[int, int]) -> Iterator[Any]:
    """((epoch, batch) that follows, batch), from ``start`` on."""
    epoch, first = start
    while True:
        rng = np.random.default_rng([draw["seed"], epoch])
        order = epoch_order(source.object_ids, draw["batch_states"] * draw["world_size"], rng)
        for index in range(first, len(order)):
            after = (epoch, index + 1) if index + 1 < len(order) else (epoch + 1, 0)
            yield after, source.load(order[index, rank :: draw["world_size"]], epoch)
        epoch, first = epoch + 1, 0


def _ahead(items: Iterator[Any], depth: int) -> tuple[Iterator[Any], Any]:
    """The same items, read by a thread up to ``depth`` ahead, and the function that ends it. An exception in the
    thread is handed out as the last item."""
    ready: queue.Queue[Any] = queue.Queue(depth)
    stop = threading.Event()

    def put(item: Any) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=work, name="smcrep-prefetch", daemon=True)

    def finish() -> None:
        stop.set()
        if thread.is_alive() and thread is not threading.current_thread():
            thread.join()

    thread.start()
    return iter(ready.get, None), finish
