"""What a store cannot answer is left out with a line, and the rest is written."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smcrep.data.shard import open_shard, write_shard
from smcrep.data.store import Manifest, Store, read_manifest, shard_path, write_manifest
from smcrep.pretraining import pretrain
from smcrep.pretraining.variants import with_senses
from tests.data.readers.pictures import write
from tests.data.readers.test_prepare import prepare
from tests.experiments.scripts import script
from tests.pretraining.conftest import smaller

pytestmark = pytest.mark.situation
probe: Any = script("linear_probe")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("probe") / "run"
    pretrain(with_senses(smaller(folder), "rgb"), progress=False)
    return folder


def changed(run: Path, out: Path, kept: Any, dropped: tuple[str, ...] = ()) -> Path:
    """The run's test store with some of its states, and without some of its columns."""
    store = Store(run / "stores/test")
    manifest, v = read_manifest(store.path), store.num_branches + 1
    rows = open_shard(shard_path(store.path, 0), store.schema)
    states = np.flatnonzero(kept(store))
    index = (states[:, None] * v + np.arange(v)).ravel()
    schema = type(store.schema)({n: c for n, c in store.schema.columns.items() if n not in dropped})
    write_shard(shard_path(out, 0), schema, {name: rows[name][index] for name in schema.columns})
    fields = {"objects": manifest.objects, "classes": manifest.classes, "config": manifest.config}
    write_manifest(out, Manifest(schema, manifest.num_branches, 1, **fields))
    return out


def everything(store: Store) -> np.ndarray:
    return np.ones(store.num_states, bool)


def one_object(store: Store) -> np.ndarray:
    return store.object_ids == store.object_ids[0]


def one_state_each(store: Store) -> np.ndarray:
    first = np.unique(store.object_ids, return_index=True)[1]
    return np.isin(np.arange(store.num_states), first)


def asked(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[set[str], list[str]]:
    """First words of the records that were written, and the lines on what was left out."""
    shutil.rmtree(run / "claims", ignore_errors=True)
    monkeypatch.setattr(sys, "argv", ["linear_probe.py", "--run", str(run), "--tiny", "--n-way", "2", *arguments])
    probe.main()
    claims = json.loads((run / "claims/recognition.json").read_text())["claims"]
    lines = [line for line in capsys.readouterr().err.splitlines() if "left out" in line]
    return {name.split(".")[0] for name in claims}, lines


@pytest.mark.parametrize(
    ("kept", "dropped", "answered", "left_out"),
    [
        (everything, (), {"few_shot", "knn", "pose"}, ("families",)),
        (everything, ("pose", "physics"), {"few_shot", "knn"}, ("relative pose: left out (the store knows no poses)",)),
        (one_state_each, (), {"pose"}, ("k-NN: left out (it needs two objects, and two states",)),
    ],
)
def test_what_a_store_cannot_answer_is_left_out_and_the_rest_written(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kept: Any,
    dropped: tuple[str, ...],
    answered: set[str],
    left_out: tuple[str, ...],
) -> None:
    store = changed(run, tmp_path / "store", kept, dropped)
    found, lines = asked(run, monkeypatch, capsys, "--store", str(store))
    assert found >= answered
    for words in left_out:
        assert any(words in line for line in lines), (words, lines)
    for name, question in (("knn", "k-NN"), ("pose", "relative pose"), ("linear", "linear probe of families")):
        assert (name in found) != any(line.startswith(question) for line in lines), (name, found, lines)


def test_store_that_answers_nothing_is_refused_and_nothing_written(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = changed(run, tmp_path / "store", one_object)
    with pytest.raises(ValueError, match=r"store: none of the questions can be answered; give a store of several"):
        asked(run, monkeypatch, capsys, "--store", str(store))
    assert capsys.readouterr().err.count("left out") >= 5
    assert not (run / "claims").exists()


def test_pictures_are_recognised_without_actions_and_poses(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(12):
        write(tmp_path / f"set/{'ab'[number % 2]}/{number}.png", number)
    prepare(tmp_path / "set", tmp_path / "store", image_size=16, num_branches=2)
    found, lines = asked(run, monkeypatch, capsys, "--store", str(tmp_path / "store"))
    assert "few_shot" in found
    assert any(line.startswith("relative pose: left out") for line in lines)
    assert any(line.startswith("k-NN: left out") for line in lines)
