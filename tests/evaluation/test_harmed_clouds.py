"""What each harm does to a cloud, and what is recorded of a model that it breaks, spares, or that refuses it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from smcrep.evaluation.harmed_clouds import CLEAN, HARMS, Harmed, harmed_clouds, records

NUM_OBJECTS, NUM_POINTS = 5, 40


def cloud(seed: int = 0, n: int = 256) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.03 * rng.normal(size=(n, 3)) + [0.0, 0.0, 0.4]).astype(np.float32)


def given(name: str) -> np.ndarray:
    return HARMS[name](cloud(), np.random.default_rng(1))


def num_changed(name: str) -> int:
    return int((given(name) != cloud()).any(1).sum())


def test_harms_do_what_their_names_say() -> None:
    assert np.array_equal(given(CLEAN), cloud())
    assert [(given("one zero") == 0).all(1).sum(), (given("5 % zeros") == 0).all(1).sum()] == [1, 13]
    assert np.isnan(given("one NaN")).all(1).sum() == 1
    assert [num_changed(f"5 % {name}") for name in ("outliers", "flying", "wall")] == [13, 13, 13]
    assert [len(given(f"{n} points")) for n in (16, 64, 1000, 5000)] == [16, 64, 1000, 5000]
    assert len(np.unique(given("5000 points"), axis=0)) > 4900  # points of their own
    once = np.unique(given("padded by one"), axis=0, return_counts=True)[1]
    assert sorted(once.tolist())[-2:] == [1, 257]
    assert np.unique(given("padded evenly"), axis=0, return_counts=True)[1].max() == 2
    moved = given("5 % flying") - cloud()
    assert 0.05 <= moved[moved[:, 2] > 0, 2].min() < moved[:, 2].max() <= 0.3


class Planted:
    """Embeds a cloud as the one of `NUM_OBJECTS` directions that its height names; zeros hide the height, more than 1 m
    is refused."""

    def embed(self, senses: dict[str, np.ndarray], *, chunk: int) -> SimpleNamespace:
        points = next(iter(senses.values()))
        if points.max() > 10:
            raise ValueError("embed: points is too large; give metres")
        height = np.where((points == 0).all(-1).any(-1), 0, points[..., 1].mean(-1))
        z = torch.eye(NUM_OBJECTS)[np.rint(height / 0.1).clip(0, NUM_OBJECTS - 1).astype(int)]
        return SimpleNamespace(invariant=lambda sense: z)


@pytest.fixture(scope="module")
def harmed() -> dict[str, Harmed]:
    object_ids = np.repeat(np.arange(NUM_OBJECTS), 4)
    clouds = np.stack([np.stack([cloud(10 * i + v, NUM_POINTS) for v in range(3)]) for i in range(len(object_ids))])
    clouds[..., 1] += 0.1 * object_ids[:, None, None]
    seen = {"points": torch.from_numpy(clouds)}
    transition = SimpleNamespace(observations=seen, object_id=torch.from_numpy(object_ids))
    store = SimpleNamespace(num_states=len(object_ids), transitions=lambda states, names: transition)
    harms = {name: HARMS[name] for name in (CLEAN, "one zero", "128 points", "millimetres")}
    return harmed_clouds(Planted(), store, harms=harms)  # type: ignore[arg-type]


def test_planted_model_is_right_wrong_and_refusing_where_it_was_made_so(harmed: dict[str, Harmed]) -> None:
    found = records(harmed, harmed)
    assert found["clouds.robust.accuracy.clean"].value == 1
    assert found["clouds.robust.128_points"].value == 0
    assert found["clouds.robust.accuracy.clean"].unit == "accuracy"
    lost = found["clouds.robust.one_zero"]
    assert lost.unit == "accuracy lost"
    assert lost.value == pytest.approx(1 - 1 / NUM_OBJECTS)  # it always answers 0
    assert lost.n == NUM_OBJECTS  # the interval is over objects, of which one loses nothing
    assert lost.ci95 is not None
    assert lost.ci95[0] < 0.5
    assert found["clouds.robust.accuracy.one_zero"].controls["chance"] == 1 / NUM_OBJECTS
    assert found["clouds.robust.millimetres"].controls == {"refused": "embed: points is too large; give metres"}
    assert "clouds.robust.accuracy.millimetres" not in found
