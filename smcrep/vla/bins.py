"""Action tokens as RT-2 has them (arXiv:2307.15818, sec. 3.2): each number of an action falls into one of 256 bins."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

NUM_BINS = 256


@dataclass(frozen=True)
class ActionBins:
    """Uniform bins of each of a numbers of an action, between ``low`` and ``high`` (in the action's own units).

    A number in the range comes back within half a bin, (high - low) / (2 num_bins); one beyond it as the outermost
    centre. OpenVLA's 256 edges make 255 bins; RT-2's 256 bins are meant here.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    num_bins: int = NUM_BINS

    def __post_init__(self) -> None:
        if len(self.low) != len(self.high) or not self.low:
            raise ValueError(
                f"ActionBins: {len(self.low)} low and {len(self.high)} high; give one pair for each number"
            )
        bad = [i for i, (low, high) in enumerate(zip(self.low, self.high, strict=True)) if not low < high < torch.inf]
        if bad or self.num_bins < 2:
            raise ValueError(
                f"ActionBins: low must be below high, both finite, and num_bins at least 2 (numbers {bad}, "
                f"num_bins {self.num_bins}); leave out numbers that never vary"
            )

    @classmethod
    def fit(cls, actions: Tensor, quantile: float = 0.01, num_bins: int = NUM_BINS) -> "ActionBins":
        """The range from ``quantile`` to 1 - ``quantile`` of actions [n, a] (OpenVLA's and FAST's q01 and q99); 0: all
        of it."""
        if actions.ndim != 2 or not len(actions) or not actions.isfinite().all():
            raise ValueError(f"ActionBins: actions are {list(actions.shape)}; give finite numbers [n, a], n >= 1")
        cuts = torch.tensor([quantile, 1 - quantile], dtype=torch.float64)
        low, high = actions.double().quantile(cuts, 0)
        return cls(tuple(low.tolist()), tuple(high.tolist()), num_bins)

    @property
    def width(self) -> Tensor:
        """float64 [a]: of a bin."""
        return (
            torch.tensor(self.high, dtype=torch.float64) - torch.tensor(self.low, dtype=torch.float64)
        ) / self.num_bins

    def encode(self, actions: Tensor) -> Tensor:
        """[..., a] -> int64 [..., a], 0 to num_bins - 1."""
        low = torch.tensor(self.low, dtype=torch.float64)
        if actions.shape[-1] != len(low) or not actions.isfinite().all():
            raise ValueError(f"ActionBins: actions are {list(actions.shape)}; give finite numbers [..., {len(low)}]")
        place = (actions.double() - low.to(actions.device)) / self.width.to(actions.device)
        return place.floor().clamp(0, self.num_bins - 1).long()

    def decode(self, tokens: Tensor) -> Tensor:
        """int64 [..., a] -> float32 [..., a], the centres of the bins."""
        if tokens.shape[-1] != len(self.low) or tokens.min() < 0 or tokens.max() >= self.num_bins:
            raise ValueError(
                f"ActionBins: tokens are {list(tokens.shape)} in {tokens.min()}..{tokens.max()}; give "
                f"[..., {len(self.low)}] in 0..{self.num_bins - 1}"
            )
        low, width = torch.tensor(self.low, dtype=torch.float64), self.width
        return (low.to(tokens.device) + (tokens + 0.5) * width.to(tokens.device)).float()


def to_text(tokens: Sequence[int], *, terminate: bool = False) -> str:
    """ "0 128 91 241 5 101 127 217": whether the episode ends, then the bins (RT-2, sec. 3.2)."""
    return " ".join(str(int(number)) for number in (terminate, *tokens))


def from_text(text: str, num: int, num_bins: int = NUM_BINS) -> tuple[bool, list[int]]:
    """The inverse of `to_text` of ``num`` bins. ValueError for anything else: what a language model says may be no
    action, and an action of zeros in its place would hide that."""
    words = text.split()
    fine = len(words) == num + 1 and all(re.fullmatch(r"[0-9]{1,9}", word) for word in words)
    if not fine or int(words[0]) > 1 or any(int(word) >= num_bins for word in words[1:]):
        shown = text if len(text) <= 60 else text[:60] + "..."
        raise ValueError(f"action text: {shown!r} is not 0 or 1 and {num} bins below {num_bins}; stop, or ask again")
    return words[0] == "1", [int(word) for word in words[1:]]
