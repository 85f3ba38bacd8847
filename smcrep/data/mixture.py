"""Batches of which each part comes from a source of its own: scans beside procedural objects, say."""

from collections.abc import Iterator, Sequence
from typing import Any

from smcrep.data.loader import TransitionLoader
from smcrep.transition import Targets, Transition, concatenate


class MixedLoader(Iterator[tuple[Transition, Targets]]):
    """One batch of each loader, joined in their order. The parts must hold the same senses and as many outcomes a
    state; each source goes through its own epochs. Object and state ids are those of each source."""

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
        """Go on as the loader that gave ``state`` would have."""
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
