import io
import json
from pathlib import Path

import pytest
import torch

from smcrep.training.log import Log


def records(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_means_since_the_last_record(tmp_path: Path) -> None:
    to = io.StringIO()
    log = Log(tmp_path, first_step=0, num_steps=4, to=to)
    log.add({"loss": torch.tensor(1.0), "rare": torch.tensor(8.0)}, 10)
    log.add({"loss": torch.tensor(3.0)}, 10)
    log.write(2, {"learning_rate": 0.5})
    log.add({"loss": torch.tensor(7.0)}, 10)
    log.write(4, {})
    log.close()
    first, second = records(tmp_path)
    assert (first["step"], first["loss"], first["rare"], first["learning_rate"]) == (2, 2.0, 8.0, 0.5)
    assert second["loss"] == 7.0
    assert first["observations_per_s"] == pytest.approx(20 / first["seconds"])
    assert second["observations_per_s"] == pytest.approx(10 / (second["seconds"] - first["seconds"]), rel=1e-3)
    assert "rare" not in second
    lines = [line for line in to.getvalue().splitlines() if line.startswith("train: 2/4 steps")]
    assert lines
    assert "loss 2.000" in lines[0]
    assert "observations/s" in lines[0]
    assert "left" in lines[0]
    assert list((tmp_path / "tensorboard").iterdir())


def test_resuming_drops_later_and_broken_records(tmp_path: Path) -> None:
    lines = [json.dumps({"step": s, "loss": 0.0}) for s in (1, 2, 3)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + '\n{"step": 4, "lo')
    Log(tmp_path, first_step=2, num_steps=5, to=io.StringIO()).close()
    assert [r["step"] for r in records(tmp_path)] == [1, 2]


def test_begun_means_travel(tmp_path: Path) -> None:
    first = Log(tmp_path, first_step=0, num_steps=4, to=io.StringIO())
    first.add({"loss": torch.tensor(1.0)}, 1)
    state = first.state_dict()
    first.close()
    second = Log(tmp_path, first_step=1, num_steps=4, to=io.StringIO())
    second.load_state_dict(state, torch.device("cpu"))
    second.add({"loss": torch.tensor(2.0)}, 1)
    second.write(2, {})
    second.close()
    assert records(tmp_path)[0]["loss"] == 1.5
