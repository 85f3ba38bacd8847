"""On line equals off line: LeRobot's step ``smcrep_embed`` on LeRobot's own observations against the embeddings that
smcrep wrote into the copy, and both policy types against LeRobot's plain ones: python on_line.py MODEL DEMOS TASK OUT

In LeRobot's environment (see closed_loop.sh beside it).
"""

import sys
from pathlib import Path

import torch
from embed_demonstrations import PART
from lerobot.configs.types import NormalizationMode
from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.envs import make_env, make_env_pre_post_processors, preprocess_observation
from lerobot.envs.factory import make_env_config
from lerobot.policies import make_policy, make_policy_config, make_pre_post_processors
from lerobot.processor import PolicyProcessorPipeline
from lerobot.utils.feature_utils import dataset_to_policy_features
from lerobot.utils.import_utils import register_third_party_plugins
from lerobot_env_smcrep.configuration import KEYS
from lerobot_env_smcrep.demonstrations import FIRST_SEED

from smcrep.data.readers.lerobot import LeRobotRows
from smcrep.extraction.shards import CHUNK, CHUNK_BYTES

ENV, STATE, NEAR = "observation.environment_state", "observation.state", 1e-5
SMALL = {
    "act": {"chunk_size": 4, "n_action_steps": 4, "dim_model": 32, "n_heads": 2, "dim_feedforward": 64,
            "n_encoder_layers": 1, "use_vae": False, "dropout": 0.0},
    "diffusion": {"horizon": 8, "n_action_steps": 4, "down_dims": [32, 64], "num_train_timesteps": 10},
}  # fmt: skip


def seen(items: list[dict]) -> dict[str, torch.Tensor]:
    """What an environment gives of these frames: no embedding among it."""
    return {key: torch.stack([item[key] for item in items]) for key in (*KEYS.values(), STATE)}


def check_step(dataset: LeRobotDataset, model: str, root: Path, out: Path) -> None:
    made = make_env_config("smcrep_metaworld", encoder=model, encoder_part=PART).embed_step()
    pipeline = PolicyProcessorPipeline(steps=[made])
    pipeline.save_pretrained(out / "step", config_filename="step.json")
    loaded = PolicyProcessorPipeline.from_pretrained(out / "step", config_filename="step.json")
    together = min(len(dataset), CHUNK, CHUNK_BYTES // LeRobotRows(root, dict(KEYS)).row_bytes)
    items = [dataset[i] for i in range(together)]
    stored = torch.stack([item[ENV] for item in items])
    batch = loaded(seen(items))[ENV]
    print(f"{together} frames embedded together, as off line: equal to the bit: {torch.equal(batch, stored)}")
    alone = torch.cat([loaded(seen([item]))[ENV] for item in items[:20]])
    difference = float((alone - stored[:20]).abs().max())
    print(f"one by one: largest difference {difference:.2g} of numbers up to {float(stored.abs().max()):.2g}")
    assert torch.equal(batch, stored)
    assert difference < NEAR
    assert float((batch[0] - batch[-1]).abs().max()) > 100 * NEAR, "all frames look the same: the check sees nothing"
    try:
        type(made)(**(made.get_config() | {"sha256": "0" * 64}))
    except ValueError as error:
        print("other weights are refused:", str(error).partition(":")[2].strip()[:60])
    else:
        raise AssertionError("other weights are taken")


def check_environment(dataset: LeRobotDataset, model: str, task: str) -> None:
    """The first frame of the first demonstration, rendered anew and embedded by the environment's own step."""
    config = make_env_config("smcrep_metaworld", task=task, encoder=model, encoder_part=PART)
    env = make_env(config, n_envs=1)[task][0]
    raw, _ = env.reset(seed=[FIRST_SEED])
    before, _ = make_env_pre_post_processors(config, make_policy_config("act", device="cpu"))
    found = before(preprocess_observation(raw))[ENV][0]
    env.close()
    difference = float((found - dataset[0][ENV]).abs().max())
    print(f"through the environment, rendered anew: largest difference {difference:.2g}")
    assert difference < NEAR


def check_policy(name: str, root: Path, model: str, out: Path) -> None:
    """The type with the encoder in front, given pictures, does what LeRobot's own does, given the embedding."""
    plain = make_policy_config(name, **SMALL[name], device="cpu", push_to_hub=False)
    plain.normalization_mapping |= {"ENV": NormalizationMode.MEAN_STD}
    known = dataset_to_policy_features(LeRobotDatasetMetadata("local/copy", root=root).features)
    plain.input_features = {key: known[key] for key in (STATE, ENV)}
    ours = make_policy_config(
        f"smcrep_{name}", **SMALL[name], device="cpu", push_to_hub=False,
        encoder=model, encoder_keys=dict(KEYS), encoder_part=PART,
    )  # fmt: skip
    times = {"action": [i / 80 for i in plain.action_delta_indices]}
    if plain.observation_delta_indices:
        times |= {key: [i / 80 for i in plain.observation_delta_indices] for key in (STATE, ENV, *KEYS.values())}
    dataset = LeRobotDataset("local/copy", root=root, delta_timestamps=times)
    batch = torch.utils.data.default_collate([dataset[i] for i in range(4)])
    without = {key: x for key, x in batch.items() if key != ENV}
    policies, losses = [], []
    for config, given in ((plain, batch), (ours, batch), (ours, without)):
        torch.manual_seed(0)
        policy = make_policy(config, ds_meta=dataset.meta)
        before, after = make_pre_post_processors(config, dataset_stats=dataset.meta.stats)
        torch.manual_seed(1)
        losses.append(float(policy(before(dict(given)))[0].detach()))
        policies.append((policy, before, after))
    print(f"{name}: loss {losses[0]:.6f}; encoder in front, embedding stored {losses[1]:.6f}, embedded on line "
          f"{losses[2]:.6f}")  # fmt: skip
    assert losses[0] == losses[1]
    assert abs(losses[2] - losses[0]) < 1e-4
    policy, before, after = policies[1]
    for part in (policy, before, after):
        part.save_pretrained(out / name)
    again = type(policy).from_pretrained(out / name)
    loaded, _ = make_pre_post_processors(again.config, pretrained_path=str(out / name))
    now = dataset[0] if not plain.observation_delta_indices else {k: (v[-1] if k in times and k != "action" else v)
                                                                  for k, v in dataset[0].items()}  # fmt: skip
    stored = {STATE: now[STATE], ENV: now[ENV]}
    pictures = {key: now[key] for key in (STATE, *KEYS.values())}
    actions = []
    for one, pipeline, given in ((policies[0][0], policies[0][1], stored), (again, loaded, pictures)):
        one.eval()
        one.reset()
        torch.manual_seed(2)
        actions.append(one.select_action(pipeline(dict(given))))
    difference = float((actions[0] - actions[1]).abs().max())
    print(f"{name}: saved, reloaded, given pictures alone: action differs by {difference:.2g}")
    assert difference < 1e-4


def main() -> None:
    model, demos, task, out = sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    register_third_party_plugins()
    dataset = LeRobotDataset("local/copy", root=demos / "copy")
    check_step(dataset, model, demos / "seen", out)
    check_environment(dataset, model, task)
    for name in SMALL:
        check_policy(name, demos / "copy", model, out)
    print("on line equals off line")


if __name__ == "__main__":
    main()
