"""What a sentence in a new phrasing means: it lies nearer to the known phrasings of that meaning than to others."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

FLOOR = 1e-4
"""Added to variances of vectors of unit length: a direction in which a phrasing never varied counts no more than that.
From 1e-5 to 1e-4 alike."""
SHARPNESS = 5.0
"""Of the mean over the phrasings of a meaning. A new phrasing is like some of the known ones, not like all: of acts in
phrasings left out of training in turn .953 were read, by the plain mean .944."""


@dataclass(frozen=True)
class PhrasingReader:
    """Linear discriminant analysis in which each phrasing is a class of its own, and a meaning has many.

    Within a phrasing other things are said (of which object, how politely); their covariance is whitened away. A
    regression on meanings would also do away with what tells two phrasings of one meaning apart, by which a third is
    recognised.

    whiten [d, d], mean [d]; centres [p, d] of the phrasings, whitened, of unit length; meaning of each, int64 [p].
    """

    whiten: Tensor
    mean: Tensor
    centres: Tensor
    meaning: Tensor

    @classmethod
    def fit(cls, vectors: Tensor, meaning: Tensor, phrasing: Tensor, floor: float = FLOOR) -> "PhrasingReader":
        """vectors [n, d] of sentences; meaning and phrasing int64 [n]: a phrasing is numbered within its meaning."""
        if int(meaning.min()) < 0 or set(meaning.unique().tolist()) != set(range(int(meaning.max()) + 1)):
            raise ValueError("PhrasingReader: a meaning has no sentence; number those that have some from 0")
        kinds, of = torch.unique(torch.stack([meaning, phrasing], 1), dim=0, return_inverse=True)
        x, member = vectors.double(), F.one_hot(of).double()
        centres = member.T @ x / member.sum(0)[:, None]
        within = x - centres[of]
        covariance = within.T @ within / len(x) + floor * torch.eye(x.shape[1], dtype=x.dtype)
        whiten = torch.linalg.cholesky(torch.linalg.inv(covariance))  # whiten @ whiten.T is the inverse
        mean = centres.mean(0)
        dtype = vectors.dtype
        placed = F.normalize((centres - mean) @ whiten, dim=-1)
        return cls(whiten.to(dtype), mean.to(dtype), placed.to(dtype), kinds[:, 0])

    def scores(self, vectors: Tensor) -> Tensor:
        """[n, meanings]: log mean exp(s cosine) / s over the phrasings of each, s = `SHARPNESS`: between their mean
        cosine and the largest."""
        placed = F.normalize((vectors - self.mean) @ self.whiten, dim=-1)
        share = F.one_hot(self.meaning).to(placed.dtype)
        return ((SHARPNESS * placed @ self.centres.T).exp() @ (share / share.sum(0))).log() / SHARPNESS
