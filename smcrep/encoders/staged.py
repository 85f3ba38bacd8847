"""A timm backbone in two parts: stages that learn nothing, whose map is the same in every step, and those behind."""

from typing import Any

import torch
from torch import Tensor

from smcrep.encoders.timm_map import MAX_MAP_SIZE, TimmMap, at_most, frozen_names


class StagedMap(TimmMap):
    """A `TimmMap` that also gives the map where its frozen stages end: ``rest(frozen(x))`` is ``forward(x)``.

    cut   index of the deepest of timm's maps that the first ``num_frozen_groups`` groups of layers compute alone; None
          without frozen groups. Those layers are in evaluation mode always.
    ValueError where there are frozen groups and the model cannot be cut: its stages do not follow each other, map to
    map (those of a transformer do not; frozen whole, it can).
    """

    cut: int | None = None
    behind: tuple[str, ...] = ()
    """Names of the modules that make the deepest map of map ``cut``, one after the other."""

    def __init__(self, name: str, size: int, num_frozen_groups: int) -> None:
        super().__init__(name, size, frozen_norm=True)
        assert self.index is not None
        if not num_frozen_groups:
            return
        frozen = frozen_names(self.model, num_frozen_groups)
        learning = [name for name, _ in self.model.named_parameters() if name not in frozen]
        for cut in range(self.index, -1, -1):
            behind = self._stages_behind(cut)
            inside = all(name.startswith(tuple(f"{stage}." for stage in behind)) for name in learning)
            if inside and self._is_whole(cut, behind):
                self.cut, self.behind = cut, behind
                break
        else:
            raise ValueError(
                f"image encoder: timm's {name!r} cannot be cut behind its first {num_frozen_groups} groups of layers; "
                "set frozen_groups to more (1000: all are frozen), or to 0"
            )
        self.train()

    def train(self, mode: bool = True) -> "StagedMap":
        super().train(mode)
        if self.cut is not None:
            learning = {id(m) for stage in self.behind for m in self.model.get_submodule(stage).modules()}
            for module in self.model.modules():
                if id(module) not in learning:
                    module.training = False
        return self

    @torch.no_grad()
    def frozen(self, x: Tensor) -> Tensor:
        """float32 [b, 3, s, s] -> what the frozen stages give, [b, c, h, w]; x where there are none."""
        if self.cut is None:
            return x
        options = {"indices": [self.cut], "stop_early": True, "intermediates_only": True}
        return self.model.forward_intermediates(x, **options)[0]  # type: ignore[operator]

    def rest(self, frozen: Tensor) -> list[Tensor]:
        """What `frozen` gave -> the maps of `forward`."""
        if self.cut is None:
            return self(frozen)
        for stage in self.behind:
            frozen = self.model.get_submodule(stage)(frozen)
        return [at_most(frozen, MAX_MAP_SIZE)]

    def _stages_behind(self, cut: int) -> tuple[str, ...]:
        """Names of the modules that follow the one which gives map ``cut``, up to that of the deepest map; none where
        timm does not say which these are."""
        try:
            timms: Any = self.model.feature_info
            first, final = timms[cut]["module"], timms[self.index]["module"]
            parent = final.rpartition(".")[0]
            names = [f"{parent}.{name}".lstrip(".") for name, _ in self.model.get_submodule(parent).named_children()]
            return tuple(names[names.index(first) + 1 : names.index(final) + 1])
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return ()

    @torch.no_grad()
    def _is_whole(self, cut: int, behind: tuple[str, ...]) -> bool:
        """Whether ``behind`` one another, those modules make the deepest map of map ``cut``."""
        picture = torch.linspace(-1, 1, 3 * self.size * self.size).view(1, 3, self.size, self.size)
        training = self.training
        self.eval()
        self.cut, self.behind = cut, behind
        try:
            found, whole = self.rest(self.frozen(picture))[0], self(picture)[0]
            if found.shape != whole.shape or whole.is_meta:  # a skeleton has no values to compare
                return found.shape == whole.shape
            return bool((found - whole).abs().max() <= 1e-4 * whole.abs().max())
        except (AssertionError, IndexError, RuntimeError, TypeError, ValueError):
            return False  # stages that want tokens, or another order of axes
        finally:
            self.cut, self.behind = None, ()
            self.train(training)
