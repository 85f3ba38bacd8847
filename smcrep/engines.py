"""Engines that make missing shards: this machine, Ray, or an array of SLURM jobs. The bytes are the same with each.

A *maker* is called once in each worker (it loads a model, builds a simulator) and returns the function that makes one
shard. It must be picklable: a function at the top of a module, or a `functools.partial` of one. A shard is a pure
function of its number and is written whole or not at all, so a worker that dies loses only the shard it was making.
"""

import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from smcrep.plugins import load_plugins

Work = Callable[[int], None]
Maker = Callable[[], Work]
Engine = Callable[[Sequence[int], Maker, int], Iterator[int]]
"""(missing shards, maker, number of workers) -> shards, as they are finished."""

ATTEMPTS = 3
"""After so many deaths of workers (with Ray: over one shard) the run fails."""


def local(missing: Sequence[int], maker: Maker, workers: int = 1) -> Iterator[int]:
    """In this process, or in ``workers`` processes of this machine. A worker that dies is replaced."""
    if workers == 1 or len(missing) <= 1:
        work = maker()
        for shard_id in missing:
            work(shard_id)
            yield shard_id
        return
    left, deaths = list(missing), 0
    while left:
        try:
            for shard_id in _pool(left, maker, workers):
                left.remove(shard_id)
                yield shard_id
        except BrokenProcessPool:
            deaths += 1
            if deaths >= ATTEMPTS:
                raise RuntimeError(_died(f"{deaths} times, with {len(left)} shards left")) from None


def on_slurm(missing: Sequence[int], maker: Maker, workers: int = 1) -> Iterator[int]:
    """This job's share of an array of n jobs: the missing shards whose number modulo n is the job's, as `local`.

    Shared by the shard's number and not by its position among the missing ones: jobs that start at different times see
    different shards missing, and would leave gaps.
    """
    try:
        number, count = (int(os.environ[f"SLURM_ARRAY_TASK_{name}"]) for name in ("ID", "COUNT"))
        first = int(os.environ.get("SLURM_ARRAY_TASK_MIN", "0"))
    except (KeyError, ValueError):
        raise ValueError(
            "engine slurm: SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT are not set; start the script with "
            "sbatch --array=0-15, or take the engine 'local'"
        ) from None
    yield from local([shard_id for shard_id in missing if shard_id % count == number - first], maker, workers)


def on_ray(missing: Sequence[int], maker: Maker, workers: int = 1) -> Iterator[int]:
    """In ``workers`` actors of a Ray cluster, each of which calls the maker once. An actor that dies is replaced."""
    try:
        import ray  # an extra, and seconds to import
        from ray.exceptions import RayActorError, RayTaskError
    except ImportError:
        raise ValueError("engine ray: Ray is not installed; pip install 'smcrep[ray]', or take 'local'") from None
    ours = not ray.is_initialized()
    if ours:
        ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, configure_logging=False)
    actor: Any = ray.remote(num_cpus=1, max_restarts=0)(_Actor)
    queue, deaths, running = list(missing), Counter[int](), dict[Any, tuple[int, Any]]()
    try:
        idle = [actor.remote(maker) for _ in range(min(workers, len(queue)))]
        while queue or running:
            while queue and idle:
                one, shard_id = idle.pop(), queue.pop(0)
                running[one.run.remote(shard_id)] = shard_id, one
            (done,), _ = ray.wait(list(running), num_returns=1)
            shard_id, one = running.pop(done)
            try:
                ray.get(done)
            except RayActorError:
                deaths[shard_id] += 1
                if deaths[shard_id] >= ATTEMPTS:
                    raise RuntimeError(_died(f"{ATTEMPTS} times over shard {shard_id}")) from None
                queue.append(shard_id)
                idle.append(actor.remote(maker))
                continue
            except RayTaskError as error:
                raise error.cause from None
            idle.append(one)
            yield shard_id
    finally:
        if ours:
            ray.shutdown()


ENGINES: dict[str, Engine] = {"local": local, "ray": on_ray, "slurm": on_slurm}


class _Actor:
    def __init__(self, maker: Maker) -> None:
        load_plugins()
        self.work = maker()

    def run(self, shard_id: int) -> None:
        self.work(shard_id)


_work: list[Work] = []


def _start(maker: Maker) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # the parent handles them
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    load_plugins()
    _work.append(maker())


def _die_with_parent() -> None:
    """Ends a worker whose parent was killed: it would wait for its next shard for ever."""
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os._exit(1)


def _run(shard_id: int) -> None:
    _work[0](shard_id)


def _pool(missing: Sequence[int], maker: Maker, workers: int) -> Iterator[int]:
    # Spawned, not forked: a copy of a process that runs threads (torch, Open3D) may hang in their locks.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(min(workers, len(missing)), context, initializer=_start, initargs=(maker,))
    with one_thread_each(), executor as pool:
        running: dict[Future[None], int] = {pool.submit(_run, shard_id): shard_id for shard_id in missing}
        try:
            for future in as_completed(running):
                future.result()
                yield running[future]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)  # running shards are finished, in about a second
            raise


def _died(how: str) -> str:
    return (
        f"workers died {how}; check that the script runs under `if __name__ == '__main__':`, and that there is memory "
        "for all of them"
    )


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes started in the block run one thread each: the libraries read these variables once, when they load."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
