"""Batches that mix several sources, such as scans and procedural objects."""

from collections.abc import Iterator, Sequence
from typing import Any

from smcrep.data.loader import TransitionLoader
from smcrep.transition import Targets, Transition, concatenate


class MixedLoader(Iterator[tuple[Transition, Targets]]):
    """One batch of each loader, concatenated in their order. The sources must hold the same senses and the same number
    of outcomes of a state; each has its own epochs, and its own object and state ids."""

    def __init__(self, loaders: Sequence[TransitionLoader]) -> None:
        if not loaders:
            raise ValueError("MixedLoader: no loaders; give at least one")
        self._loaders = list(loaders)

    def __next__(self) -> tuple[Transition, Targets]:
        parts = [next(loader) for loader in self._loaders]
        return concatenate([transition for transition, _ in parts]), concatenate([targets for _, targets in parts])

    def state_dict(self) -> dict[str, Any]:
        return {"parts": [loader.state_dict() for loader in self._loaders]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume where the loader that returned ``state`` was. Raises ValueError for another number of sources."""
        if len(state.get("parts", ())) != len(self._loaders):
            raise ValueError(
                f"MixedLoader: cannot resume a mixture of {len(state.get('parts', ()))} sources with "
                f"{len(self._loaders)}; resume with the same sources"
            )
        for loader, part in zip(self._loaders, state["parts"], strict=True):
            loader.load_state_dict(part)

    def close(self) -> None:
        for loader in self._loaders:
            loader.close()
