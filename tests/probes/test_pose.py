"""Pose is predicted from planted embeddings that rotate; uninformative ones score as the constant prediction."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from smcrep.geometry.rotations import geodesic_degrees, uniform_rotations
from smcrep.probes.pose import Pose, pose_errors, pose_probe, steerable_pose

Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]


def planted(num: int, seed: int, *, sees: bool = True) -> Pairs:
    """Embeddings of two vectors fixed to an object tilted by up to 40 degrees an axis, before and after a rotation."""
    rng = np.random.default_rng(seed)
    first, second = (
        Rotation.from_euler("xyz", rng.uniform(-40, 40, (num, 3)), degrees=True).as_matrix() for _ in range(2)
    )
    body = np.array([[1.0, 0, 0], [0, 1, 0]])
    h1, h2 = ((body @ r.swapaxes(-1, -2)).reshape(num, 6) for r in (first, second))
    if not sees:
        h1, h2 = rng.normal(size=h1.shape), rng.normal(size=h2.shape)
    return h1, h2, second @ first.swapaxes(-1, -2)


def probe(train: Pairs, test: Pairs, seed: int = 0) -> Pose:
    settings = {"rng": np.random.default_rng(seed), "hidden": 64, "steps": 300, "lr": 3e-3}
    return pose_probe(train=train, test=test, groups=np.arange(len(test[0])) // 10, **settings)


@pytest.fixture(scope="module")
def seeing() -> Pose:
    return probe(planted(2000, 0), planted(300, 1))


def test_pose_is_predicted_from_embeddings_that_rotate(seeing: Pose) -> None:
    assert seeing.mean_deg.value < 12
    assert seeing.within_30_deg.value > 0.95
    assert seeing.constant_deg.value > 30
    assert seeing.gain_deg.ci95[0] > 15
    assert seeing.mean_deg.n == 30


def test_uninformative_embeddings_score_as_the_constant_prediction() -> None:
    found = probe(planted(2000, 0, sees=False), planted(300, 1, sees=False))
    assert found.gain_deg.value < 1
    assert found.mean_deg.value == pytest.approx(found.constant_deg.value, rel=0.25)


def test_result_follows_the_generator_and_leaves_the_global_one_unchanged() -> None:
    train, test = planted(200, 0), planted(50, 1)
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    a = probe(train, test)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(4)
    again = probe(train, test)
    assert again.mean_deg == a.mean_deg
    assert np.array_equal(again.errors_deg, a.errors_deg)
    assert np.median(a.errors_deg) == a.median_deg
    assert a.constants_deg.mean() == pytest.approx(a.constant_deg.value)


def test_steerable_pose_equals_scipys_alignment_and_needs_no_training() -> None:
    rng = np.random.default_rng(0)
    before, rotation = rng.normal(size=(10, 42, 3)), uniform_rotations(10, rng)
    after = before @ rotation.swapaxes(-1, -2) + 0.1 * rng.normal(size=before.shape)
    found = steerable_pose(before, after)
    for i in range(10):
        wanted = Rotation.align_vectors(after[i], before[i])[0].as_matrix()
        np.testing.assert_allclose(found[i], wanted, atol=1e-6)
    assert geodesic_degrees(torch.from_numpy(found), torch.from_numpy(rotation)).max() < 5


def test_summary_of_known_errors() -> None:
    found = pose_errors(np.array([1.0, 14, 16, 100]), np.array([50.0, 50, 50, 50]), None)
    assert found.mean_deg.value == pytest.approx(32.75)
    assert found.median_deg == 15
    assert (found.within_15_deg.value, found.within_30_deg.value) == (0.5, 0.75)
    assert found.gain_deg.value == pytest.approx(17.25)


def about(centre_deg: float, num: int, seed: int) -> Pairs:
    """Turns about x by around ``centre_deg``, and embeddings that show the turn: its sine and cosine."""
    angle = np.radians(centre_deg + np.random.default_rng(seed).uniform(-20, 20, num))
    shown = np.stack([np.cos(angle), np.sin(angle)], 1)
    return np.zeros((num, 2)), shown, Rotation.from_euler("x", angle[:, None]).as_matrix()


def test_the_constant_prediction_is_that_of_the_training_pairs() -> None:
    train, test = about(50, 300, 0), about(-30, 80, 1)
    found = probe(train, test)
    constant = Rotation.from_matrix(train[2]).mean()
    wanted = np.degrees((constant.inv() * Rotation.from_matrix(test[2])).magnitude())
    np.testing.assert_allclose(found.constants_deg, wanted, atol=1e-3)
    assert wanted.mean() > 70  # the mean of the test pairs would be about 10 degrees away


def test_the_probe_is_fitted_to_the_training_pairs_alone() -> None:
    """The same embeddings mean the opposite turn in training: what it says of the test pairs is as wrong as that."""
    train, test = about(30, 400, 0), about(30, 80, 1)
    mirrored = train[0], train[1], train[2].swapaxes(1, 2)
    assert probe(train, test).mean_deg.value < 5
    wanted = 2 * np.degrees(Rotation.from_matrix(test[2]).magnitude()).mean()
    assert probe(mirrored, test).mean_deg.value == pytest.approx(wanted, abs=5)


@pytest.mark.parametrize("name", ["errors_deg", "constant_deg"])
def test_errors_that_are_not_finite_are_refused_by_name(name: str) -> None:
    given = {"errors_deg": np.ones(4), "constant_deg": np.ones(4)}
    given[name][2] = np.nan
    with pytest.raises(ValueError, match=f"pose_errors: {name} hold NaN or infinity in 1 of 4 rows"):
        pose_errors(**given, groups=None)
