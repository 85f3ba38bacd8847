"""Records of sources count what was lost, injected sets are judged as LeRobot reads them, and nothing that is not exact
passes for exact."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.data.readers.lerobot_sets import CAMERA, small_set
from tests.experiments.scripts import script

vla: Any = script("vla")
vla_inject: Any = script("vla_inject")
vla_exact: Any = script("vla_exact")
vla_language: Any = script("vla_language")
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


def test_row_that_no_reader_sees_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = vla.planted(tmp_path)
    monkeypatch.setattr(vla, "rows_of", lambda spec: 8)
    assert vla.of_sources(root, tmp_path / "out")["sources.pictures"].value == 6 / 8


def test_injected_set_is_standard_by_its_own_statistics_and_not_without_them(tmp_path: Path) -> None:
    root, out = tmp_path / "sets", tmp_path / "out"
    small = small_set(root / "lerobot_small")
    (small / "videos" / CAMERA / "chunk-000" / "file-001.mp4").unlink()  # six rows stand at the mean
    (small_set(root / "lerobot_a_without_notes") / "meta/info.json").write_text("")
    assert vla.of_sources(root, out)["sources.lerobot_small"].controls["embedded"] == 9
    records = vla.injected(root, out)
    for key in ("mean", "deviation"):
        record = records[f"lerobot.inject.{key}"]
        assert record.value < 1e-3
        assert record.controls["without_statistics"] > 0.05
        assert (record.n, record.controls["rows_at_the_mean"]) == (9, 6)
        assert (record.controls["videos"], record.controls["videos_copied"]) == (1, 0)
    stats = out / "copies/lerobot_small/meta/stats.json"
    found = json.loads(stats.read_text())
    found[vla.ENVIRONMENT_STATE]["std"] = [2 * s for s in found[vla.ENVIRONMENT_STATE]["std"]]
    stats.write_text(json.dumps(found))
    assert vla.injected(root, out)["lerobot.inject.deviation"].value == pytest.approx(0.5, abs=0.01)


def test_planted_million_in_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def here(*paths: Path) -> tuple[float, float]:
        before = vla_inject.high_water_gib()
        vla_inject.inject(*paths)
        return before, vla_inject.high_water_gib()

    monkeypatch.setattr(vla_inject, "peaks", here)  # a module of a test cannot be imported by a process of its own
    records = vla_inject.measured(tmp_path, 8_000)
    found = {name.rpartition(".")[2]: record for name, record in records.items()}
    assert found["gib"].value >= found["gib"].controls["imports"] > 0.1
    disk = 8_000 * (2 * vla_inject.DIM + 4 + 1 + 8) / vla_inject.GIB
    assert found["gib"].controls["embeddings_on_disk"] == pytest.approx(disk, rel=0.02)
    assert (found["mean"].value, found["deviation"].value) == (pytest.approx(0, abs=1e-6), pytest.approx(0, abs=1e-6))
    assert found["mean"].controls["without_statistics"] == pytest.approx(vla_inject.MEAN, abs=0.2)
    assert found["deviation"].controls["without_statistics"] == pytest.approx(vla_inject.DEVIATION - 1, abs=0.2)
    assert found["videos"].value == 1


def test_tokens_that_are_seen_are_not_called_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    record = vla_exact.absent(1)
    assert record.value == 0
    assert record.controls["seen_least"] > 1e-3
    assert record.controls["slope_least"] > 0
    monkeypatch.setattr(vla_exact, "given", lambda data, present: vla_exact.Sources(data, {}))  # no mask
    assert vla_exact.absent(1).value > 1e-3


def test_change_that_is_not_a_number_is_no_0() -> None:
    one = (torch.tensor(1.0), torch.zeros(2, 3))
    assert vla_exact.change(one, (torch.tensor(1.5), torch.zeros(2, 3))) == 0.5
    assert vla_exact.change(one, (torch.tensor(1.0), torch.tensor([[torch.nan, 0, 0]] * 2))) == float("inf")


def test_bins_of_half_the_number_double_the_error_in_the_old_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    records = vla_exact.of_tokens(vla_exact.planted())
    assert 0.49 < records["tokens.round_trip"].value < 0.51
    assert (records["tokens.text_exact"].value, records["tokens.bpe_exact"].value) == (1, 1)
    width = vla_exact.ActionBins.width.fget
    monkeypatch.setattr(vla_exact.ActionBins, "decode", lambda bins, t: torch.tensor(bins.low) + t * width(bins))
    assert vla_exact.of_tokens(vla_exact.planted())["tokens.round_trip"].value > 0.99  # edges for centres


def test_failing_names_the_phrasings_found_less_than_half_of_the_time() -> None:
    task = vla_language.task
    test = task.Sentences([""] * 4, np.array([[0, 0, 1], [0, 0, 1], [0, 0, 2], [0, 0, 2]]), np.array([0, 0, 1, 1]))
    act = task.PHRASINGS[vla_language.KINDS[2]][1]
    assert vla_language.failing(test, np.ones(4, bool), np.array([1.0, 0.5, 1.0, 0.0])) == []
    assert vla_language.failing(test, np.ones(4, bool), np.array([1.0, 1.0, 0.4, 0.4])) == [act]


def planted_reading(said: tuple[str, ...]) -> Any:
    """Sentences whose vectors say those parts plainly, and nothing of the others."""
    task, rng = vla_language.task, np.random.default_rng(0)
    trained_on, held_out = task.objects(rng)
    train, test = task.training(trained_on, 800, rng), task.asked(held_out, 300, rng)

    def vectors(sentences: Any) -> torch.Tensor:
        parts = [F.one_hot(x, task.NUM_CLASSES[name]) for name, x in sentences.parts.items() if name in said]
        plain = torch.cat(parts, 1).float()
        noise = torch.from_numpy(rng.normal(size=plain.shape)).float()
        return plain + 0.01 * noise

    return vla_language.Reading(train, test, vectors(train), vectors(test), held_out)


def test_truth_of_the_part_that_is_not_said_is_what_helps() -> None:
    every, seen = np.ones(800, bool), np.ones(300, bool)
    whole = planted_reading(("family", "colour", "act"))
    assert whole.hits(every, seen).mean() == 1
    assert whole.hits(every, seen, ridge=True).mean() == 1
    mute = planted_reading(("family", "colour"))
    assert mute.hits(every, seen).mean() < 0.5
    assert mute.hits(every, seen, given="act").mean() == 1
    assert mute.hits(every, seen, given="family").mean() < 0.5


def test_nothing_is_asked_that_was_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a phrasing nor an object; but for one control, which says that it asks phrasings of training."""
    task = vla_language.task
    calls: list[tuple[set[int], set[int]]] = []

    def hits(reading: Any, learned: np.ndarray, rows: np.ndarray, **_: Any) -> np.ndarray:
        objects = [{tuple(row) for row in each.meaning[:, :2].tolist()} for each in (reading.train, reading.test)]
        assert not objects[0] & objects[1]
        calls.append((set(reading.train.phrasing[learned].tolist()), set(reading.test.phrasing[rows].tolist())))
        return np.ones(int(rows.sum()))

    monkeypatch.setattr(vla_language.Reading, "hits", hits)
    monkeypatch.setattr(vla_language, "aligned", lambda *given: hits(*given[:3]).mean())
    reading = vla_language.drawn(0, vla_language.HashedNGrams(), tmp_path, True)
    for measured in vla_language.QUESTIONS.values():
        measured(reading, 0)
    trained = set(range(task.NUM_TRAINED))
    both = [(learned, asked) for learned, asked in calls if learned & asked]
    assert both == [(trained, trained)]
    held_out = [learned for learned, asked in calls if asked == {task.NUM_TRAINED, task.NUM_TRAINED + 1}]
    assert len(held_out) >= 7
    assert all(learned <= trained for learned in held_out)


def test_vectors_of_what_is_left_out_are_not_read() -> None:
    whole = planted_reading(("family", "colour", "act"))
    learned, rows = whole.train.phrasing < vla_language.task.NUM_TRAINED, np.ones(300, bool)
    wanted = whole.hits(learned, rows)
    whole.vectors[torch.from_numpy(~learned)] = torch.nan
    assert np.array_equal(whole.hits(learned, rows), wanted)


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
