"""Episodes of Meta-World's scripted expert as two LeRobotDatasets of the same frames: OUT/state with the true state as
``observation.environment_state``, OUT/seen with picture and cloud, for smcrep to embed.

    MUJOCO_GL=egl python -m lerobot_env_smcrep.demonstrations OUT --task drawer-open-v3 --episodes 15

Pictures are stored without loss: a policy is trained on what the camera will give it.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.utils.constants import ACTION, OBS_ENV_STATE, OBS_IMAGE, OBS_STATE

from lerobot_env_smcrep.configuration import NUM_TRUE, POINTS, SmcrepMetaworldConfig
from lerobot_env_smcrep.metaworld_env import NUM_HAND, true_state

FIRST_SEED = 100_000
"""Of demonstrations: far from the seeds that roll-outs count from (LeRobot: 1000)."""


def noisy(action: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """What is done: the expert's action and Gaussian noise, within -1 and 1. Stored is what the expert said."""
    return np.clip(action + rng.normal(0, deviation, action.shape), -1, 1).astype(np.float32)


def episode(env: Any, seed: int, deviation: float, rng: np.random.Generator) -> list[dict[str, Any]] | None:
    """Frames of one episode until the expert succeeds; None where it does not."""
    seen, _ = env.reset(seed=seed)
    frames = []
    for _ in range(env._max_episode_steps):
        wanted = np.clip(env.expert_policy.get_action(env.raw), -1, 1).astype(np.float32)
        frames.append({"seen": seen, "true": true_state(env.raw), "action": wanted})
        seen, _, _, _, info = env.step(noisy(wanted, deviation, rng))
        if info["is_success"]:
            return frames
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--task", default="drawer-open-v3")
    parser.add_argument("--episodes", type=int, default=15)
    parser.add_argument("--noise", type=float, default=0.1, help="standard deviation, of actions in -1 .. 1")
    parser.add_argument("--size", type=int, default=128, help="of pictures, pixels")
    given = parser.parse_args()
    config = SmcrepMetaworldConfig(task=given.task, size=given.size)
    env = config.maker()()
    sets = {
        "state": {OBS_ENV_STATE: {"dtype": "float32", "shape": (NUM_TRUE,), "names": None}},
        "seen": {
            OBS_IMAGE: {
                "dtype": "image", "shape": (given.size, given.size, 3), "names": ["height", "width", "channels"]
            },
            POINTS: {"dtype": "float32", "shape": (config.num_points, 3), "names": None},
        },
    }  # fmt: skip
    shared = {
        OBS_STATE: {"dtype": "float32", "shape": (NUM_HAND,), "names": None},
        ACTION: {"dtype": "float32", "shape": (4,), "names": None},
    }
    made = {
        name: LeRobotDataset.create(
            f"local/{name}", config.fps, shared | more, given.out / name, robot_type="sawyer", use_videos=False
        )
        for name, more in sets.items()
    }
    rng, seed, kept = np.random.default_rng(0), FIRST_SEED, 0
    while kept < given.episodes:
        frames = episode(env, seed, given.noise, rng)
        seed += 1
        if frames is None:
            continue
        for frame in frames:
            both = {OBS_STATE: frame["seen"]["agent_pos"].astype(np.float32), ACTION: frame["action"]}
            both["task"] = env.task_description
            made["state"].add_frame(both | {OBS_ENV_STATE: frame["true"].astype(np.float32)})
            made["seen"].add_frame(both | {OBS_IMAGE: frame["seen"]["pixels"], POINTS: frame["seen"]["points"]})
        for dataset in made.values():
            dataset.save_episode()
        kept += 1
    for dataset in made.values():
        dataset.finalize()
    print(f"{given.task}: {kept} of {seed - FIRST_SEED} episodes succeeded, {made['state'].num_frames} frames")


if __name__ == "__main__":
    main()
