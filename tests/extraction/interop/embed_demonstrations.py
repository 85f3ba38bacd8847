"""Embeds demonstrations of Meta-World and writes the copy that LeRobot trains on.

    python embed_demonstrations.py MODEL DEMOS

In LeRobot's environment: the same torch as on line, so that equal means equal to the bit.
"""

import sys
from pathlib import Path

from lerobot.datasets.dataset_tools import remove_feature
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot_env_smcrep.configuration import KEYS

from smcrep.extraction.extract import extract
from smcrep.extraction.lerobot_copy import feature_lines, inject
from smcrep.extraction.output import Output
from smcrep.extraction.sources import SourceSpec

PART = "fused"
"""What the thing is and how it stands: a policy needs both."""

if __name__ == "__main__":
    model, demos = Path(sys.argv[1]), Path(sys.argv[2])
    source = SourceSpec("lerobot", str(demos / "seen"), dict(KEYS))
    manifest = extract(model, source, demos / "embeddings", output=Output((PART, "weight", "precision")))
    print(f"embedded {manifest.num_rows} frames, {manifest.embed_dim} numbers each")
    print(*feature_lines(inject(demos / "seen", demos / "embeddings", demos / "copy", part=PART)), sep="\n")
    # LeRobot decodes every picture at every step, used or not: its own tool takes them out for training
    lean = remove_feature(LeRobotDataset("local/copy", root=demos / "copy"), list(KEYS.values()), demos / "lean")
    print("without pictures and clouds, by LeRobot's own tool:", ", ".join(sorted(lean.meta.features)))
