"""The world as a gymnasium environment: its checker, its seed, its actions."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import smcrep.worlds.gym as world_gym
from smcrep.geometry.action import KINDS
from smcrep.worlds.dynamics.actions import Hold, LiftAndDrop, Look, Push, Turn
from smcrep.worlds.gym import WorldEnv, decode
from tests.worlds.scenes import box, model

BRICK = box(0.04, 0.05, 0.03, colour=(200, 60, 30))


def make(**options) -> WorldEnv:
    env = gymnasium.make("smcrep/World-v0", **options).unwrapped
    assert isinstance(env, WorldEnv)
    return env


def numbers(kind: str, r=(0.0, 0.0, 0.0), t=(0.0, 0.0, 0.0), strength: float = 0.0) -> np.ndarray:
    scores = -np.ones(len(KINDS))
    scores[KINDS.index(kind)] = 1
    return np.concatenate([scores, r, t, [strength]]).astype(np.float32)


def test_passes_the_checker_of_gymnasium() -> None:
    check_env(make(image_size=16, num_points=8, render_mode="rgb_array"))  # its warnings are errors here


def test_an_episode_is_a_function_of_its_seed() -> None:
    def episode(seed: int) -> list[np.ndarray]:
        env = make(environment="kitchen", image_size=24, num_points=16)
        env.action_space.seed(0)
        seen = [env.reset(seed=seed)[0]]
        seen += [env.step(env.action_space.sample())[0] for _ in range(4)]
        return [observation[name] for observation in seen for name in ("rgb", "points")]

    first, again, other = episode(1), episode(1), episode(2)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, again, strict=True))
    assert any(a.tobytes() != b.tobytes() for a, b in zip(first, other, strict=True))


def test_each_kind_of_action_moves_what_it_names() -> None:
    env = make(objects=[BRICK], image_size=16, num_points=8, max_steps=2)
    _, info = env.reset(seed=0)
    before = env.state
    poses, cameras = {}, {}
    for kind in KINDS:
        env.state = before
        _, reward, terminated, _, info = env.step(numbers(kind, r=(0.5, 0.3, 1.0), t=(1.0, 0.0, 0.0), strength=0.5))
        assert (reward, terminated, info["unstable"], info["object"]) == (0.0, False, False, "box")
        poses[kind], cameras[kind] = env.state.poses[0], env.state.camera.T_world_camera
    way = {kind: np.abs(T - before.poses[0]).max() for kind, T in poses.items()}
    assert way["hold"] < 1e-6
    assert way["look"] == 0
    assert min(way["turn"], way["push"], way["lift_and_drop"]) > 0.01
    assert poses["push"][0, 3] > before.poses[0, 0, 3] + 0.01
    assert np.abs(cameras["look"] - before.camera.T_world_camera).max() > 0.1
    centre = before.poses[0, :3, 3]
    distance = [np.linalg.norm(c[:3, 3] - centre) for c in (cameras["look"], before.camera.T_world_camera)]
    assert distance[0] == pytest.approx(distance[1])


def test_decoded_actions_equal_those_written_out() -> None:
    env = make(objects=[BRICK], image_size=16, num_points=8)
    env.reset(seed=0)
    state = env.state
    assert isinstance(decode(numbers("hold"), state), Hold)
    assert isinstance(decode(np.zeros(12, np.float32), state), Hold)
    assert isinstance(decode(numbers("look"), state), Look)
    push = decode(numbers("push", t=(0.0, -0.5, 1.0), strength=0.0), state)
    assert isinstance(push, Push)
    assert push.force_n == 5.0
    np.testing.assert_allclose(push.direction, [0, -1, 0])
    turn = decode(numbers("turn", r=(0.0, 0.0, 1.0), t=(0.0, 1.0, 0.0)), state)
    assert isinstance(turn, Turn)
    np.testing.assert_allclose(turn.rotation[:2, 0], [0.5, np.sqrt(0.75)], atol=1e-7)
    np.testing.assert_allclose(turn.translation, [0, 0.05, 0])
    lift = decode(numbers("lift_and_drop", strength=1.0), state)
    assert isinstance(lift, LiftAndDrop)
    assert lift.height_m == pytest.approx(0.1)


def test_observation_is_in_its_space_and_the_episode_ends_after_max_steps() -> None:
    env = make(objects=[BRICK], image_size=16, num_points=8, max_steps=2, render_mode="rgb_array")
    observation, _ = env.reset(seed=3)
    assert env.observation_space.contains(observation)
    z = observation["points"][:, 2]
    assert (z > 0.05).all(), "the brick stands before the camera"
    np.testing.assert_array_equal(env.render(), observation["rgb"])
    assert [env.step(numbers("hold"))[3] for _ in range(2)] == [False, True]


def test_an_unstable_action_changes_nothing_and_ends_the_episode(monkeypatch: pytest.MonkeyPatch) -> None:
    env = make(objects=[BRICK], image_size=16, num_points=8)
    env.reset(seed=0)
    before = env.state

    def fails(*_: object) -> None:
        raise world_gym.UnstableSimulation("planted", [0])

    monkeypatch.setattr(world_gym, "branch", fails)
    _, _, terminated, truncated, info = env.step(numbers("push"))
    assert (terminated, truncated, info["unstable"]) == (False, True, True)
    assert env.state is before


def test_a_bad_object_is_left_out_by_name_or_stops_before_anything_is_simulated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    grain = replace(model(BRICK.vertices * 1e-6, BRICK.faces), name="grain")
    with pytest.raises(ValueError, match=r"WorldEnv: grain: physics: grain is .* m across.*unit") as caught:
        WorldEnv(objects=[BRICK, grain])
    assert "\n" not in str(caught.value)
    env = WorldEnv(objects=[grain, BRICK, grain], on_bad="skip", image_size=16, num_points=8)
    assert capsys.readouterr().err.count("skipped: grain: ") == 2
    assert list(env.skipped) == ["grain"]
    assert {env.reset(seed=seed)[1]["object"] for seed in range(4)} == {"box"}
    with pytest.raises(ValueError, match="all 1 objects are left out"):
        WorldEnv(objects=[grain], on_bad="skip")


def test_an_object_that_never_rests_does_not_hold_up_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    top, rested = replace(BRICK, name="top"), world_gym.sample_state

    def settled(policy, obj, *arguments, **more):
        if obj.name == "top":
            raise world_gym.UnstableSimulation("top spins", [0])
        return rested(policy, obj, *arguments, **more)

    monkeypatch.setattr(world_gym, "sample_state", settled)
    monkeypatch.setattr(world_gym, "MAX_DRAWS", 5)
    with pytest.raises(ValueError, match=r"WorldEnv: top: 5 draws do not come to rest \(top spins\)"):
        WorldEnv(objects=[top]).reset(seed=0)
    env = WorldEnv(objects=[top, top, top, BRICK], on_bad="skip", image_size=16, num_points=8)
    env.reset(seed=0)
    while "top" not in env.skipped:
        assert env.reset()[1]["object"] == "box"


def test_an_object_out_of_sight_is_a_cloud_of_zeros() -> None:
    env = make(objects=[BRICK], image_size=16, num_points=8)
    env.reset(seed=0)
    env.state.poses[0, :3, 3] = [0.0, 0.0, 50.0]
    assert not env._observe()["points"].any()


def test_wrong_environments_and_actions_are_refused() -> None:
    with pytest.raises(ValueError, match="no environment 'moon'; choose from studio"):
        WorldEnv(environment="moon")
    with pytest.raises(ValueError, match="objects is empty"):
        WorldEnv(objects=[])
    with pytest.raises(ValueError, match="render_mode is 'human'"):
        WorldEnv(render_mode="human")
    env = make(objects=[BRICK], image_size=16, num_points=8)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="give 12 finite numbers"):
        decode(np.zeros(3, np.float32), env.state)
