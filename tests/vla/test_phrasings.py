"""A new phrasing is read by the known ones of its meaning, whatever else the sentences say."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from smcrep.vla.phrasings import SHARPNESS, PhrasingReader

DIM, PHRASINGS = 12, 4


def sentences(seed: int, num: int, phrasings: range) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Three meanings in the first three directions, phrasings that stray from them, and loud other things (objects) in
    the last four."""
    world, rng = np.random.default_rng(0), np.random.default_rng(seed)
    place = 0.3 * world.normal(size=(3, 8, DIM - 4)) + 2 * np.eye(3, DIM - 4)[:, None]
    meaning, phrasing = rng.integers(3, size=num), rng.choice(phrasings, size=num)
    said = np.concatenate([place[meaning, phrasing], 10 * rng.normal(size=(num, 4))], 1)
    said += 0.05 * rng.normal(size=said.shape)
    return torch.from_numpy(said).float(), torch.from_numpy(meaning), torch.from_numpy(phrasing)


def test_phrasings_never_trained_on_are_read_through_loud_other_things() -> None:
    x, meaning, phrasing = sentences(1, 300, range(PHRASINGS))
    asked, true, _ = sentences(2, 300, range(PHRASINGS, 8))
    found = PhrasingReader.fit(x, meaning, phrasing).scores(asked).argmax(1)
    assert (found == true).float().mean() > 0.95
    nearest = torch.stack([x[meaning == c].mean(0) for c in range(3)])
    assert (torch.cdist(asked, nearest).argmin(1) == true).float().mean() < 0.7, "the other things are not loud"


def test_scores_are_soft_largest_cosines_in_the_whitened_space() -> None:
    """The same in plain loops, by Mahalanobis' inner product."""
    x, meaning, phrasing = sentences(1, 90, range(PHRASINGS))
    asked = sentences(2, 5, range(PHRASINGS))[0].double()
    groups = {(m, p): [] for m in range(3) for p in range(PHRASINGS)}
    for row, m, p in zip(x.double(), meaning.tolist(), phrasing.tolist(), strict=True):
        groups[m, p].append(row)
    centre = {key: torch.stack(rows).mean(0) for key, rows in groups.items()}
    middle = torch.stack(list(centre.values())).mean(0)
    covariance = 0.3 * torch.eye(DIM, dtype=torch.float64)
    for key, rows in groups.items():
        for row in rows:
            covariance += torch.outer(row - centre[key], row - centre[key]) / len(x)
    inverse = torch.linalg.inv(covariance)
    wanted = torch.zeros(5, 3, dtype=torch.float64)
    for i, row in enumerate(asked - middle):
        for (m, _), at in centre.items():
            y = at - middle
            cosine = row @ inverse @ y / (row @ inverse @ row * (y @ inverse @ y)).sqrt()
            wanted[i, m] += (SHARPNESS * cosine).exp() / PHRASINGS
    wanted = wanted.log() / SHARPNESS
    found = PhrasingReader.fit(x, meaning, phrasing, floor=0.3).scores(asked.float())
    torch.testing.assert_close(found.double(), wanted, atol=1e-4, rtol=1e-4)


def test_phrasing_like_one_of_the_known_is_read_by_it() -> None:
    """By the plain mean it would be the other meaning, all of whose phrasings are a little like it."""
    x = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0.1], [0, 0, 1, -0.1]])
    reader = PhrasingReader(torch.eye(4), torch.zeros(4), F.normalize(x, dim=-1), torch.tensor([0, 0, 1, 1]))
    asked = F.normalize(torch.tensor([[0.8, 0, 0.5, 0]]), dim=-1)
    mean = (asked @ reader.centres.T).view(2, 2).mean(1)
    assert mean[1] > mean[0]
    assert reader.scores(asked).argmax() == 0


def test_meaning_without_a_sentence_is_named() -> None:
    with pytest.raises(ValueError, match="a meaning has no sentence"):
        PhrasingReader.fit(torch.eye(2), torch.tensor([0, 2]), torch.tensor([0, 0]))
