"""Recordings in memory become a store that gives back what was recorded, cut into shards; others are refused."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roma
import torch

from smcrep.data.schema import Schema, pack_action
from smcrep.data.store import Store
from smcrep.data.write import write_store
from smcrep.transition import Senses, Transition
from tests.training.synthetic import transition

NAMES, FAMILIES = ("red can", "mug", "blue can"), ("can", "mug", "can")
OBJECT_IDS = [2, 0, 1, 0, 2, 1]


@pytest.fixture
def recorded() -> Transition:
    """Six states of three objects, two outcomes of each under physics of their own."""
    made = transition(6, 2, seed=1)
    physics = torch.arange(6 * 2 * 6).view(6, 2, 6).float()
    numbers = {"state_id": 10 + torch.arange(6), "environment_id": torch.arange(6) % 4}
    return replace(made, physics=physics, object_id=torch.tensor(OBJECT_IDS), **numbers)


@pytest.fixture
def pose() -> torch.Tensor:
    """[6, 3, 4, 4]: a rigid motion for each observation."""
    generator = torch.Generator().manual_seed(2)
    pose = torch.eye(4).repeat(6, 3, 1, 1)
    pose[..., :3, :3] = roma.rotvec_to_rotmat(torch.randn(6, 3, 3, generator=generator))
    pose[..., :3, 3] = torch.randn(6, 3, 3, generator=generator)
    return pose


def test_what_was_recorded_is_read_back_from_several_shards(
    recorded: Transition, pose: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def four(schema: Schema, num_branches: int) -> int:
        assert num_branches == 2
        return 4

    monkeypatch.setattr(import_module("smcrep.data.write"), "states_per_shard", four)
    config = {"robot": "arm", "seed": 3}
    store = write_store(tmp_path / "a/b", recorded, objects=NAMES, families=FAMILIES, pose=pose, config=config)
    assert (store.num_states, store.num_rows, store.num_branches, store.manifest.num_shards) == (6, 18, 2, 2)
    assert store.manifest.config == config
    assert store.manifest.classes == ("can", "mug")
    found = [(o.object_id, o.name, o.class_id, o.family) for o in store.objects]
    assert found == [(0, "red can", 0, "can"), (1, "mug", 1, "mug"), (2, "blue can", 0, "can")]

    again = Store(tmp_path / "a/b").transitions(np.arange(6))
    for name in ("rgb", "points"):
        assert torch.equal(again.observations[name], recorded.observations[name])
    assert np.array_equal(pack_action(again.action), pack_action(recorded.action))
    assert again.physics is not None
    assert torch.equal(again.physics, recorded.physics)
    for name in ("state_id", "object_id", "environment_id"):
        assert torch.equal(getattr(again, name), getattr(recorded, name))

    targets = store.targets(np.arange(6))
    assert targets.class_id.tolist() == [[0, 1, 0][i] for i in OBJECT_IDS]
    assert torch.equal(torch.cat([targets.pose_before[:, None], targets.pose_after], 1), pose)
    before = store.read(np.arange(0, 18, 3), ["action", "physics"])
    assert before["action"][:, 0].eq(0).all()  # nothing was done yet: hold
    assert torch.equal(before["action"][:, 1:17].view(6, 4, 4), torch.eye(4).expand(6, 4, 4))
    assert torch.equal(before["physics"], recorded.physics[:, 0])


def test_every_object_is_a_class_of_its_own_and_what_is_unknown_is_left_out(
    recorded: Transition, tmp_path: Path
) -> None:
    store = write_store(tmp_path, replace(recorded, physics=None), objects=NAMES)
    assert store.manifest.classes == ("blue can", "mug", "red can")
    assert [o.class_id for o in store.objects] == [2, 1, 0]
    assert not {"physics", "pose"} & set(store.schema.columns)
    assert store.manifest.config == {}
    assert store.manifest.num_shards == 1
    assert store.schema.columns["points"].unit == "m"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objects": NAMES[:2]}, r"^write_store: 2 objects and 2 families; name each object once"),
        ({"families": FAMILIES[:2]}, r"^write_store: 3 objects and 2 families; name each object once"),
    ],
)
def test_names_that_do_not_fit_the_objects_are_refused(
    recorded: Transition, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        write_store(tmp_path / "out", recorded, **{"objects": NAMES} | changes)
    assert not (tmp_path / "out").exists()


def test_absent_senses_other_actions_and_folders_in_use_are_refused(recorded: Transition, tmp_path: Path) -> None:
    present = recorded.after.present | {"rgb": recorded.after.present["rgb"].clone()}
    present["rgb"][3, 1] = False
    with pytest.raises(ValueError, match=r"^write_store: 'rgb' is absent in some observations"):
        write_store(tmp_path, replace(recorded, after=Senses(recorded.after.data, present)), objects=NAMES)
    with pytest.raises(ValueError, match=r"^write_store: the actions are no geometry.Action"):
        write_store(tmp_path, replace(recorded, action=object()), objects=NAMES)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
    write_store(tmp_path, recorded, objects=NAMES)
    with pytest.raises(ValueError, match=r": holds a store; choose another folder or delete it"):
        write_store(tmp_path, recorded, objects=NAMES)
