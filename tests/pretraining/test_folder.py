"""A folder that is no run is named, with what to give instead."""

import json
from pathlib import Path

import pytest

from smcrep.training.run_folder import store_path


def test_reads_what_pretraining_wrote(tmp_path: Path) -> None:
    (tmp_path / "stores.json").write_text(json.dumps({"test": "/somewhere/test"}))
    assert store_path(tmp_path, "test") == Path("/somewhere/test")
    with pytest.raises(ValueError, match=r"names no store 'val', only \['test'\]; give a whole run"):
        store_path(tmp_path, "val")


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no stores\.json in it; give the folder that"):
        store_path(tmp_path, "test")
    with pytest.raises(ValueError, match=r"gone: no such folder"):
        store_path(tmp_path / "gone", "test")
