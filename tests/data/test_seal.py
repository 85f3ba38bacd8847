"""One flipped bit anywhere in a sealed file is found; a file from before there were seals is taken as it is."""

import json
from pathlib import Path

import pytest

from smcrep.data.seal import broken_seal, sealed

VALUE = {"a": [1, 2.5], "b": {"sha256": ""}, "name": 'Ähre "', "empty": ""}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "m.json").write_bytes(sealed(VALUE))
    return tmp_path / "m.json"


def test_sealed_file_is_the_value_and_its_checksum(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    assert len(found.pop("sha256")) == 64
    assert found == VALUE
    assert broken_seal(path) is None


@pytest.mark.situation
def test_every_flipped_bit_is_found(path: Path) -> None:
    whole = path.read_bytes()
    for position in range(len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            assert broken_seal(path), f"byte {position}, bit {bit}"


def test_file_without_a_seal_is_taken(path: Path) -> None:
    path.write_text(json.dumps(VALUE | {"seed": 0}, indent=1) + "\n")
    assert broken_seal(path) is None


def test_missing_file_is_named(tmp_path: Path) -> None:
    assert "cannot be read" in str(broken_seal(tmp_path / "gone.json"))
