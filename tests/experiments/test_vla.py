"""Records of sources count what was lost, and controls of language say which part fails."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from tests.experiments.scripts import script

vla: Any = script("vla")
captions: Any = script("captions")


def test_row_that_cannot_be_read_is_named_and_a_source_of_nothing_is_refused(tmp_path: Path) -> None:
    root = vla.planted(tmp_path)
    broken = root / "lerobot_empty"
    (broken / "data").mkdir(parents=True)
    records = vla.of_sources(root, tmp_path / "out")
    found = records["sources.pictures"]
    assert (found.value, found.n) == (1.0, 6)
    assert (found.controls["embedded"], found.controls["failed"]) == (5, 1)
    assert "0.png" in found.controls["first_lines"][0]
    assert "no data files in it" in records["sources.lerobot_empty"].controls["refused"]


def test_failing_names_the_phrasings_found_less_than_half_of_the_time() -> None:
    task = vla.task
    test = task.Sentences([""] * 4, np.array([[0, 0, 1], [0, 0, 1], [0, 0, 2], [0, 0, 2]]), np.array([0, 0, 1, 1]))
    act = task.PHRASINGS[vla.KINDS[2]][1]
    assert vla.failing(test, np.ones(4, bool), np.array([1.0, 0.5, 1.0, 0.0])) == []
    assert vla.failing(test, np.ones(4, bool), np.array([1.0, 1.0, 0.4, 0.4])) == [act]


def test_truth_of_the_part_that_cannot_be_seen_raises_the_caption_alone() -> None:
    rng = np.random.default_rng(0)
    family, colour = rng.integers(4, size=400), rng.integers(3, size=400)
    z = torch.cat([F.one_hot(torch.from_numpy(family)).float(), torch.randn(400, 3)], 1)
    learn, ask = torch.arange(200), torch.arange(200, 400)
    parts = {"family": family.astype(str), "colour": colour.astype(str)}
    found = captions.reader_hits(z, parts, learn, ask)
    assert found["linear_family"] == 1
    assert 0.2 < found["linear_colour"] < 0.5
    assert abs(found["linear_caption"] - found["linear_colour"]) < 1e-6
    assert found["linear_caption_true_colour"] == 1
    assert abs(found["linear_caption_true_family"] - found["linear_colour"]) < 1e-6
