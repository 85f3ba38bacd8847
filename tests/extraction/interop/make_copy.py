"""A small LeRobotDataset v3.0 and its copy with embeddings, for with_lerobot.py: python make_copy.py FOLDER"""

import sys
from pathlib import Path

from smcrep.extraction.extract import extract
from smcrep.extraction.lerobot_copy import inject
from smcrep.extraction.output import Output
from smcrep.extraction.sources import SourceSpec
from tests.data.readers.lerobot_sets import small_set
from tests.extraction.extractions import small_model

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    root = small_set(folder / "set", lengths=(6, 4, 7))
    parts = ("fused.invariant", "rgb.tokens", "weight", "precision")
    source = SourceSpec("lerobot", str(root))
    extract(small_model(folder / "run"), source, folder / "embeddings", senses=["rgb"], output=Output(parts, "float16"))
    inject(root, folder / "embeddings", folder / "copy")
