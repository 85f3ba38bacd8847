"""What a sentence means, one part at a time: family, colour and act, each read by a linear map from the same vector."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

RIDGE = 1.0
"""Added to the squares of centred vectors of unit length, summed over the sentences; alike from .1 to 100."""


@dataclass(frozen=True)
class FactoredReader:
    """Ridge regression on each part's classes (one-hot): no step, no draw.

    Parts are read apart and their scores added, so that a meaning never trained on (a blue teapot, lifted) is read as
    well as its parts are.

    maps  part -> [d + 1, classes], the last row for the constant; mean [d].
    """

    maps: dict[str, Tensor]
    mean: Tensor

    @classmethod
    def fit(
        cls,
        vectors: Tensor,
        parts: Mapping[str, Tensor],
        ridge: float = RIDGE,
        num_classes: Mapping[str, int] | None = None,
    ) -> "FactoredReader":
        """vectors [n, d] of sentences; parts: name -> class of each, int64 [n].

        num_classes  name -> how many there are, None: as many as ``parts`` have. A class without a sentence scores 0.
        """
        mean = vectors.mean(0)
        x = F.pad(vectors - mean, (0, 1), value=1.0).double()
        squares = x.T @ x + ridge * torch.eye(x.shape[1], dtype=x.dtype)
        wanted = {name: F.one_hot(true, (num_classes or {}).get(name, -1)) for name, true in parts.items()}
        solved = {name: torch.linalg.solve(squares, x.T @ true.to(x.dtype)) for name, true in wanted.items()}
        return cls({name: weight.to(vectors.dtype) for name, weight in solved.items()}, mean)

    def scores(self, vectors: Tensor) -> dict[str, Tensor]:
        """Part -> how much each class is meant, [n, classes]; about 1 for the class that is, 0 for others."""
        x = F.pad(vectors - self.mean, (0, 1), value=1.0)
        return {name: x @ weight for name, weight in self.maps.items()}


def meaning_scores(scores: Mapping[str, Tensor], meanings: Mapping[str, Tensor]) -> Tensor:
    """[n, m]: score of each of m meanings (part -> class, int64 [m]), the sum over its parts."""
    return torch.stack([scores[name][:, classes] for name, classes in meanings.items()]).sum(0)
