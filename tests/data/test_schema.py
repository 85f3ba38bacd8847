"""Laws: JSON and packed actions lose nothing; what does not fit is named."""

import json

import numpy as np
import pytest
import torch

from smcrep.data.schema import VERSION, Schema, pack_action, unpack_action, world_schema
from smcrep.geometry.action import Action
from smcrep.senses import Resolution
from tests.data.stores import SMALL, random_rows


def test_json_round_trip() -> None:
    assert Schema.from_json(json.loads(json.dumps(SMALL.to_json())), "here") == SMALL


def test_every_column_of_the_world_has_unit_and_bytes() -> None:
    columns = world_schema(("rgb", "points"), Resolution(64, 256), clean_depth=True).columns
    assert columns["rgb"].num_bytes == 64 * 64 * 3
    assert columns["points"].num_bytes == 256 * 3 * 4
    assert all(c.unit for c in columns.values())
    assert [n for n, c in columns.items() if c.is_plain] == ["state_id", "object_id", "class_id", "environment_id"]


def test_packed_action_is_lossless() -> None:
    generator = torch.Generator().manual_seed(0)
    action = Action(
        torch.arange(5).reshape(5, 1).expand(5, 3),
        torch.randn(5, 3, 4, 4, generator=generator),
        torch.randn(5, 3, 3, generator=generator),
        torch.randn(5, 3, 3, generator=generator),
        torch.rand(5, 3, generator=generator),
    )
    packed = pack_action(action)
    assert packed.shape == (5, 3, 24)
    assert packed.dtype == np.float32
    again = unpack_action(torch.from_numpy(packed))
    for name in ("kind", "motion", "contact", "force", "duration"):
        assert torch.equal(getattr(again, name), getattr(action, name)), name


@pytest.mark.parametrize("value", [{"version": 99}, {}, None, {"columns": {}}])
def test_schema_of_another_version_is_refused(value: dict) -> None:
    with pytest.raises(ValueError, match=r"^x/manifest.json: schema version .* reads version 2; generate .* again$"):
        Schema.from_json(value, "x/manifest.json")


@pytest.mark.parametrize(
    "columns", [{"rgb": {}}, {"rgb": {"shape": [2], "dtype": "nonsense", "unit": "", "frame": ""}}, 3]
)
def test_damaged_schema_is_named(columns: object) -> None:
    with pytest.raises(ValueError, match=r"^m: the schema is damaged"):
        Schema.from_json({"version": VERSION, "columns": columns}, "m")


def test_rows_that_do_not_fit_are_named() -> None:
    rows = random_rows(SMALL, 2, 2, 0, 5)
    assert SMALL.check(rows, "here") == 6
    with pytest.raises(ValueError, match=r"here: columns missing \['rgb'\], unknown \[\]"):
        SMALL.check({n: a for n, a in rows.items() if n != "rgb"}, "here")
    with pytest.raises(ValueError, match=r"unknown \['colour'\]"):
        SMALL.check(rows | {"colour": rows["rgb"]}, "here")
    with pytest.raises(ValueError, match=r"'points' is float64 .* the schema says float32"):
        SMALL.check(rows | {"points": rows["points"].astype(float)}, "here")
    with pytest.raises(ValueError, match=r"'pose' is float32 \[5, 4, 4\]; the schema says float32 \[6, 4, 4\]"):
        SMALL.check(rows | {"pose": rows["pose"][:5]}, "here")
    rows["points"][4, 1, 2] = np.nan
    with pytest.raises(ValueError, match="'points' is not finite at row 4"):
        SMALL.check(rows, "here")
