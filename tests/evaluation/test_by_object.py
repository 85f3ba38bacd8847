"""Every figure has a value for each object: right where the answer is planted, chance where there is none."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from roma import rotmat_to_rotvec as rotation_to_rotvec
from scipy.spatial.transform import Rotation

from smcrep.evaluation.by_object import laws, outcomes, pose, recognition
from smcrep.evaluation.encoded import Encoded
from smcrep.evaluation.pose_search import pose_search
from smcrep.evaluation.recognition import Strength, accuracy_by_object, episodes_of
from smcrep.geometry.action import Action
from smcrep.geometry.rotations import rotvec_to_rotation
from tests.evaluation.worlds import NUM_ACTIONS, TrueTurns, turned

NUM_OBJECTS = 4
CORNERS = np.array([[-1, -2, -3], [1, 2, 3], [1, -1, 2], [-2, 1, 0.5]]) / 10


class Knowing(TrueTurns):
    """By the cloud and fused it knows all, by the picture nothing."""

    config = SimpleNamespace(senses=("points", "rgb"))
    predictors = ("fused", "points", "rgb")


@pytest.fixture(scope="module")
def encoded() -> Encoded:
    found = turned(num_objects=NUM_OBJECTS)
    latent = {"fused": found.latent["fused"], "points": found.latent["a"], "rgb": found.latent["noise"]}
    return replace(found, latent=latent)


def training() -> Encoded:
    """Other objects, turned otherwise; here the picture shows how, and the cloud nothing."""
    found = turned(seed=1, num_objects=NUM_OBJECTS)
    latent = {"fused": found.latent["noise"], "points": found.latent["noise"], "rgb": found.latent["a"]}
    return replace(found, latent=latent)


@pytest.fixture(scope="module")
def measured(encoded: Encoded) -> dict[str, np.ndarray]:
    return pose(Knowing(), encoded, lambda i: CORNERS, training=training())  # type: ignore[arg-type]


def test_outcomes_are_found_where_planted_and_by_chance_elsewhere(encoded: Encoded) -> None:
    found = outcomes(Knowing(), encoded)
    assert {len(values) for values in found.values()} == {NUM_OBJECTS}
    np.testing.assert_array_equal(found["h1.points"], 1)
    np.testing.assert_array_equal(found["h1.fused"], 1)
    for blind in ("h1.rgb", "h1.points>rgb", "h1.rgb>points", "h1_shuffled_action.points"):
        assert found[blind].mean() < 2.5 / NUM_ACTIONS, blind
    assert not [name for name in outcomes(Knowing(), encoded, controls=False) if "shuffled" in name]


def test_a_metric_across_senses_is_named_from_source_to_target(encoded: Encoded) -> None:
    """The picture sees nothing before and all after: it can be predicted, and predicts nothing."""
    seen = encoded.latent["points"].clone()
    seen[:, 0] = encoded.latent["rgb"][:, 0]
    found = outcomes(Knowing(), replace(encoded, latent=encoded.latent | {"rgb": seen}))  # type: ignore[arg-type]
    np.testing.assert_array_equal(found["h1.points>rgb"], 1)
    assert found["h1.rgb>points"].mean() < 0.5
    assert found["h1.rgb"].mean() < 0.5
    assert found["h1_shuffled_action.points>rgb"].mean() < 0.5


def test_metrics_stand_in_the_order_of_the_ids_of_objects(encoded: Encoded) -> None:
    """Of one object nothing is seen: its own value is low, and no other."""
    seen = encoded.latent["points"].clone()
    lost = torch.from_numpy(encoded.object_ids == 2)
    seen[lost, 1:] = encoded.latent["rgb"][lost, 1:]
    spoilt = replace(encoded, latent=encoded.latent | {"points": seen})
    for found in (outcomes(Knowing(), spoilt)["h1.points"], laws(Knowing(), spoilt)["roll_out_2.points"]):  # type: ignore[arg-type]
        assert found[2] < 0.6
        np.testing.assert_array_equal(np.delete(found, 2), 1)


def test_each_sense_and_number_of_labels_has_its_own_strength(encoded: Encoded) -> None:
    noisy = encoded.latent["points"] + 0.6 * encoded.latent["rgb"]
    encoded = replace(encoded, latent={"points": noisy, "rgb": noisy.roll(1, -1), "fused": noisy})
    strengths = {("points", 1): 0.01, ("points", 5): 10.0, ("rgb", 5): 100.0}
    found = recognition(encoded, {key: Strength(value) for key, value in strengths.items()}, num_episodes=30)
    assert sorted(found) == ["1shot.points", "5shot.points", "5shot.rgb"]
    for (sense, k), value in strengths.items():
        episodes = episodes_of(encoded, k_shot=k, n_way=NUM_OBJECTS, num_episodes=30)
        wanted = accuracy_by_object(encoded, sense, episodes, Strength(value))
        np.testing.assert_array_equal(found[f"{k}shot.{sense}"], wanted)
        assert wanted.mean() < 1


def test_recognition_has_at_most_as_many_ways_as_objects(encoded: Encoded) -> None:
    strengths = {(sense, k): Strength(1.0) for sense in ("points", "rgb") for k in (1, 5)}
    found = recognition(encoded, strengths, n_way=15, num_episodes=60)
    assert sorted(found) == ["1shot.points", "1shot.rgb", "5shot.points", "5shot.rgb"]
    for k in (1, 5):
        np.testing.assert_array_equal(found[f"{k}shot.points"], 1)
        assert abs(found[f"{k}shot.rgb"].mean() - 1 / NUM_OBJECTS) < 0.1


def test_pose_is_measured_in_degrees_and_diameters(measured: dict[str, np.ndarray]) -> None:
    assert measured["pose_search_deg.points"].max() < 6
    assert measured["add_s.points"].max() < 0.06
    assert measured["pose_search_deg.rgb"].min() > 20
    assert measured["add_s.rgb"].min() > 2 * measured["add_s.points"].max()
    assert measured["pose_errors_deg.points"].shape == (NUM_OBJECTS, 6)
    np.testing.assert_array_equal(measured["pose_alone_deg"], measured["pose_search_deg.points"])


@pytest.fixture(scope="module")
def searched(encoded: Encoded) -> tuple[Encoded, np.ndarray]:
    """The states object by object, and the turns that the search finds by the picture, which shows none."""
    few = encoded.some(np.argsort(encoded.object_ids, kind="stable"))
    return few, pose_search(Knowing(), few, ("rgb",))  # type: ignore[arg-type]


def brute_add_s(points: np.ndarray, predicted: np.ndarray, true: np.ndarray) -> float:
    """Mean distance of the points [n, 3] under one rotation to the nearest of them under the other, over the diameter,
    about their mean: in loops."""
    points = points - points.mean(0)
    there, here = points @ true.T, points @ predicted.T
    diameter = max(np.linalg.norm(a - b) for a in points for b in points)
    return float(np.mean([min(np.linalg.norm(a - b) for b in here) for a in there]) / diameter)


def test_add_s_is_that_of_the_object_as_it_was_held(
    searched: tuple[Encoded, np.ndarray], measured: dict[str, np.ndarray]
) -> None:
    """The shape is turned by the pose before, and only then by the turn that was found."""
    few, found = searched
    rotation = few.pose[..., :3, :3].double().numpy()
    each = np.array([brute_add_s(CORNERS, turn @ r[0], r[1]) for turn, r in zip(found, rotation, strict=True)])
    np.testing.assert_allclose(measured["add_s.rgb"], each.reshape(NUM_OBJECTS, -1).mean(1), rtol=1e-4)


def test_pose_errors_are_medians_over_the_queries_of_an_object(
    searched: tuple[Encoded, np.ndarray], measured: dict[str, np.ndarray]
) -> None:
    for name in ("points", "rgb", "fused"):
        errors = measured[f"pose_errors_deg.{name}"]
        assert (np.ptp(errors, axis=1) > 0.1).all()
        np.testing.assert_allclose(measured[f"pose_search_deg.{name}"], np.median(errors, axis=1))
    few, found = searched
    before, after = (Rotation.from_matrix(few.pose[:, view, :3, :3]) for view in (0, 1))
    apart = np.degrees((Rotation.from_matrix(found).inv() * after * before.inv()).magnitude())
    np.testing.assert_allclose(measured["pose_errors_deg.rgb"], apart.reshape(NUM_OBJECTS, -1), atol=0.01)


def test_the_constant_turn_is_learned_on_training_objects(encoded: Encoded, measured: dict[str, np.ndarray]) -> None:
    def turns(of: Encoded) -> Rotation:
        rotation = of.pose[..., :3, :3].double().numpy()
        return Rotation.from_matrix((rotation[:, 1:] @ rotation[:, :1].swapaxes(-1, -2)).reshape(-1, 3, 3))

    constant = Rotation.from_matrix(turns(training()).as_matrix()).mean()
    apart = np.degrees((constant.inv() * turns(encoded)).magnitude()).reshape(len(encoded.object_ids), -1)
    wanted = [np.median(apart[encoded.object_ids == k]) for k in range(NUM_OBJECTS)]
    np.testing.assert_allclose(measured["pose_constant_deg"], wanted, rtol=1e-4)
    own = np.degrees((turns(encoded).mean().inv() * turns(encoded)).magnitude()).reshape(apart.shape)
    assert abs(np.median(own) - np.median(apart)) > 1  # that of the test objects would be another


def test_the_pose_probe_is_fitted_on_training_objects(encoded: Encoded, measured: dict[str, np.ndarray]) -> None:
    """In training the picture shows the turn and the cloud does not; in the test it is the other way round. A probe
    that was fitted on the test objects would read it from the cloud."""
    constant = measured["pose_constant_deg"].mean()
    assert measured["pose_probe_deg.points"].mean() > 0.9 * constant
    assert measured["pose_probe_deg.rgb"].mean() > 0.9 * constant


def test_a_probe_fitted_on_what_it_is_tested_on_reads_the_pose_and_is_refused() -> None:
    known = replace(training(), objects=frozenset({"mug-1", "can-2"}))
    with pytest.raises(ValueError, match="1 objects, such as 'can-2', are among those fitted to and those tested on"):
        pose(
            Knowing(),  # type: ignore[arg-type]
            replace(training(), objects=frozenset({"can-2", "pen-3"})),
            lambda i: CORNERS,
            training=known,
        )


def test_group_laws_hold_where_latents_turn_and_a_chain_of_turns_is_followed(encoded: Encoded) -> None:
    found = laws(Knowing(), encoded)
    for law in ("identity", "inverse", "composition", "loop"):
        assert found[f"law_{law}.points"].max() < 1e-4
    assert found["law_gain.points"].min() > 0.3
    assert abs(found["law_gain.rgb"].mean()) < 0.1
    z = encoded.equivariant("points")
    moved = 1 - torch.cosine_similarity(z[:, 1], z[:, 0], -1).numpy()  # exact predictions gain all that moved
    wanted = [moved[encoded.object_ids == i].mean() for i in range(NUM_OBJECTS)]
    np.testing.assert_allclose(found["law_gain.points"], wanted, rtol=1e-4)
    for step in (1, 2, 3):
        np.testing.assert_array_equal(found[f"roll_out_{step}.points"], 1)
        assert found[f"roll_out_{step}.rgb"].mean() < 0.5


def test_roll_outs_are_named_by_their_steps(encoded: Encoded) -> None:
    seen = encoded.latent["points"].clone()
    seen[:, 2] = encoded.latent["rgb"][:, 2]
    found = laws(Knowing(), replace(encoded, latent=encoded.latent | {"points": seen}))  # type: ignore[arg-type]
    assert [found[f"roll_out_{step}.points"].mean() > 0.9 for step in (1, 2, 3)] == [True, False, True]


class Halting(Knowing):
    """Turns by half of what the action says, so that no two turns compose."""

    def condition(self, action: Action, physics: torch.Tensor | None = None) -> torch.Tensor:
        return rotvec_to_rotation(rotation_to_rotvec(action.motion[..., :3, :3]) / 2)


def test_a_law_that_is_broken_is_reported_by_its_own_name(encoded: Encoded) -> None:
    found = laws(Halting(), encoded)  # type: ignore[arg-type]
    for law in ("identity", "inverse"):
        assert found[f"law_{law}.points"].max() < 1e-3
    for law in ("composition", "loop"):
        assert found[f"law_{law}.points"].min() > 0.02


def test_laws_are_those_of_the_three_turns_from_view_to_view(encoded: Encoded) -> None:
    """Halves of turns, by scipy: of the first and then the second, against half of both; and three and back."""
    found = laws(Halting(), encoded)  # type: ignore[arg-type]
    vectors = encoded.equivariant("points").double().unflatten(-1, (-1, 3)).numpy()
    held = encoded.pose[..., :3, :3].double().numpy()
    distances: dict[str, list[list[float]]] = {"composition": [[] for _ in range(NUM_OBJECTS)]}
    distances |= {name: [[] for _ in range(NUM_OBJECTS)] for name in ("loop", "moved")}

    def turned_by(rotation: Rotation, v: np.ndarray) -> np.ndarray:
        return Rotation.from_rotvec(rotation.as_rotvec() / 2).apply(v)

    for v, poses, i in zip(vectors, held, encoded.object_ids, strict=True):
        first, second, third = (Rotation.from_matrix(poses[j + 1] @ poses[j].T) for j in range(3))
        twice = turned_by(second, turned_by(first, v[0]))
        back = turned_by((third * second * first).inv(), turned_by(third, twice))
        distances["composition"][i].append(float(np.linalg.norm(twice - turned_by(second * first, v[0]))))
        distances["loop"][i].append(float(np.linalg.norm(back - v[0])))
        distances["moved"][i].append(float(np.linalg.norm(v[1] - v[0])))
    for law in ("composition", "loop"):
        wanted = np.mean(distances[law], 1) / np.mean(distances["moved"], 1)
        np.testing.assert_allclose(found[f"law_{law}.points"], wanted, rtol=1e-3)
