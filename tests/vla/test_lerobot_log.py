"""A LeRobotDataset as a policy sees it, and the audit of planted policies on one."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor

from smcrep.vla.lerobot_log import LeRobotLog, audit_on
from smcrep.vla.policy_audit import blind_to
from tests.data.readers import lerobot_sets
from tests.data.readers.lerobot_sets import CAMERA, edit_table, row_of, small_set

STATE = "observation.state"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_set(tmp_path_factory.mktemp("set"), lengths=(5, 4, 6))


def test_rows_have_their_own_state_picture_and_task(root: Path) -> None:
    log = LeRobotLog(root, [STATE, CAMERA, "task"])
    found, rows = log.observations(np.array([1, 7, 14]))
    assert rows.tolist() == [1, 7, 14]
    assert found[STATE].tolist() == [[1, 2], [7, 14], [14, 28]]
    assert [row_of(frame) for frame in found[CAMERA].numpy()] == [1, 7, 14]
    heard = []
    log.asked(lambda given: heard.append(given["task"]) or torch.zeros(3, 1, 2))(found)  # type: ignore[func-returns-value]
    assert heard == [["push"] * 3]


def test_earlier_frames_end_at_the_beginning_of_their_episode(root: Path) -> None:
    log = LeRobotLog(root, [STATE + ".before"], num_before=2)
    found, _ = log.observations(np.array([3, 5, 6]))
    assert found[STATE + ".before"][..., 0].tolist() == [[1, 2], [5, 5], [5, 5]]


def test_chunks_are_those_that_were_executed_and_none_goes_beyond_its_episode(root: Path) -> None:
    logged = LeRobotLog(root, [STATE]).logged(lambda given: torch.zeros(2, 3, 2))
    first = -logged.actions[:, :, 0]
    assert first[:, 0].tolist() == [0, 1, 2, 5, 6, 9, 10, 11, 12]
    torch.testing.assert_close(first - first[:, :1], torch.arange(3.0).expand(9, -1))
    torch.testing.assert_close(-logged.signals[STATE], logged.actions[:, 0])


def test_unknown_signals_and_cameras_of_the_past_are_refused(root: Path) -> None:
    with pytest.raises(ValueError, match=r"no signal .* it has action"):
        LeRobotLog(root, ["observation.wrist"])
    with pytest.raises(ValueError, match="say how many"):
        LeRobotLog(root, [STATE + ".before"])
    with pytest.raises(ValueError, match="earlier frames of the camera"):
        LeRobotLog(root, [CAMERA + ".before"], num_before=1)


def test_frames_that_cannot_be_read_are_left_out_and_named(tmp_path: Path) -> None:
    root = small_set(tmp_path / "set")
    next(root.rglob("file-001.mp4")).unlink()
    log = LeRobotLog(root, [STATE, CAMERA])
    _, rows = log.observations(np.arange(15))
    assert rows.tolist() == list(range(9))
    assert any("6 frames of" in line for line in log.faults)


def planted_set(root: Path) -> Path:
    """The action is the sum of two vectors."""
    small_set(root, lengths=(6,) * 24)
    rng = np.random.default_rng(0)

    def change(table: pa.Table) -> pa.Table:
        a, b = rng.normal(size=(2, len(table), 2)).astype(np.float32)
        for name, values in (("observation.a", a), ("observation.b", b), ("action", a + b)):
            column = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), 2)
            at = table.schema.get_field_index(name)
            table = table.append_column(name, column) if at < 0 else table.set_column(at, name, column)
        return table

    for path in (root / "data").rglob("*.parquet"):
        edit_table(path, change)
        assert "observation.b" in pq.read_schema(path).names
    return root


def sighted(given: Any) -> Tensor:
    return (given["observation.a"] + given["observation.b"])[:, None]


def deaf(given: Any) -> Tensor:
    return given["observation.a"][:, None]


def test_audit_names_what_a_policy_ignores_in_a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lerobot_sets, "grey_of", lambda row: 20)
    root = planted_set(tmp_path / "set")
    for act, ignored in ((sighted, False), (deaf, True)):
        report, faults = audit_on(
            act,
            root,
            ["observation.a", "observation.b"],
            generator=torch.Generator().manual_seed(0),
        )
        assert blind_to(report) == {"observation.a": False, "observation.b": ignored}
        assert not faults
