"""LeRobot itself reads a copy with embeddings, normalises them, and trains, saves and reloads a policy on them.

Runs in LeRobot's environment, not ours (see run.sh beside it): python with_lerobot.py COPY OUT
"""

import sys
from pathlib import Path

import lerobot
import torch
from lerobot.configs.types import FeatureType, NormalizationMode
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.factory import make_pre_post_processors
from lerobot.utils.feature_utils import dataset_to_policy_features

ENV, STEPS, CHUNK = "observation.environment_state", 60, 4


def config(features: dict, normalised: bool) -> ACTConfig:
    inputs = {k: features[k] for k in ("observation.state", ENV)}
    mode = NormalizationMode.MEAN_STD
    mapping = {"STATE": mode, "ACTION": mode, "VISUAL": mode} | ({"ENV": mode} if normalised else {})
    return ACTConfig(
        input_features=inputs, output_features={"action": features["action"]}, normalization_mapping=mapping,
        dim_model=32, n_heads=2, dim_feedforward=64, n_encoder_layers=1, chunk_size=CHUNK, n_action_steps=CHUNK,
        use_vae=False, device="cpu", optimizer_lr=1e-3, push_to_hub=False,
    )  # fmt: skip


def normalised_column(dataset: LeRobotDataset, made: ACTConfig) -> torch.Tensor:
    before, _ = make_pre_post_processors(made, dataset_stats=dataset.meta.stats)
    return torch.cat([before({k: v for k, v in dataset[i].items()})[ENV] for i in range(len(dataset))])


def main() -> None:
    copy, out = Path(sys.argv[1]), Path(sys.argv[2])
    torch.manual_seed(0)
    dataset = LeRobotDataset("local/copy", root=copy, delta_timestamps={"action": [i / 10 for i in range(CHUNK)]})
    features = dataset_to_policy_features(dataset.meta.features)
    print(f"lerobot {lerobot.__version__}, torch {torch.__version__}: {len(dataset)} frames")
    print("features:", {k: tuple(f["shape"]) for k, f in dataset.meta.features.items()})
    print(
        "statistics:",
        {k: sorted(v) for k, v in dataset.meta.stats.items() if (k in dataset[0] and "smcrep" in k) or k == ENV},
    )
    assert features[ENV].type is FeatureType.ENV
    states = [k for k, f in features.items() if f.type is FeatureType.STATE]
    assert states == ["observation.state"], states

    z, raw = normalised_column(dataset, config(features, True)), normalised_column(dataset, config(features, False))
    constant = raw.std(0, unbiased=False) < 1e-6
    for words, x in (("normalised", z[:, ~constant]), ("without the mapping", raw[:, ~constant])):
        deviation = (x.std(0, unbiased=False) - 1).abs().max()
        print(f"{words}: largest |mean| {x.mean(0).abs().max():.2g}, largest |deviation - 1| {deviation:.2g}")
    assert z.mean(0).abs().max() < 0.05
    assert (z.std(0, unbiased=False)[~constant] - 1).abs().max() < 0.05
    assert (raw.std(0, unbiased=False) - 1).abs().max() > 0.05, "not normalised, and the check does not see it"

    made = config(features, True)
    policy = ACTPolicy(made)
    before, after = make_pre_post_processors(made, dataset_stats=dataset.meta.stats)
    optimiser = torch.optim.AdamW(policy.parameters(), lr=1e-3)
    loader = torch.utils.data.DataLoader(dataset, batch_size=8, shuffle=True)
    losses: list[float] = []
    while len(losses) < STEPS:
        for batch in loader:
            loss, _ = policy(before(batch))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
    first, last = sum(losses[:5]) / 5, sum(losses[-5:]) / 5
    print(f"ACT, {len(losses)} steps: loss {first:.3f} -> {last:.3f}")
    assert last < 0.7 * first

    policy.eval().save_pretrained(out)
    before.save_pretrained(out)
    after.save_pretrained(out)
    again = ACTPolicy.from_pretrained(out).eval()
    loaded, _ = make_pre_post_processors(again.config, pretrained_path=str(out))
    item = {k: v for k, v in dataset[3].items() if k.startswith("observation.")}
    with torch.no_grad():
        one, two = policy.select_action(before(dict(item))), again.select_action(loaded(dict(item)))
        policy.reset()
        other = policy.select_action(before(item | {ENV: item[ENV] + 1}))
    print(f"saved and reloaded: largest difference of an action {float((one - two).abs().max()):.2g}; "
          f"another embedding moves it by {float((one - other).abs().max()):.2g}")  # fmt: skip
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    print("all checks hold")


if __name__ == "__main__":
    main()
