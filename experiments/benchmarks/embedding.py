"""How fast is an extraction beside the networks alone?

    python experiments/benchmarks/embedding.py      # about 2 minutes; --tiny: seconds

Shards of embeddings of a simulated store, from `Store.read` to the file under its name (`extraction.shards.run_shard`),
in turn with nothing but the networks: beliefs and fusion of the same observations, in memory as torch tensors, in the
same chunks of 256. The networks are the demo's, untrained (weights change nothing of the time), on every core.
Expected: above 0.90.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from ratios import CORES, Findings, command_line, interleaved, rate

from smcrep.data.store import Store
from smcrep.extraction.manifest import EmbeddingManifest
from smcrep.extraction.shards import run_shard
from smcrep.extraction.store_source import StoreRows
from smcrep.models.model import SensorimotorModel
from smcrep.pretraining import demo, tiny
from smcrep.training.build import build_seeded_model
from smcrep.transition import Senses
from smcrep.worlds.generate import Simulation, generate
from smcrep.worlds.objects.source import ProceduralObjects

CHUNK = 256  # of `SensorimotorModel.embed`


@torch.no_grad()
def forward(model: SensorimotorModel, chunks: list[Senses]) -> None:
    for chunk in chunks:
        model.fuse(model.beliefs(chunk))


if __name__ == "__main__":
    arguments = command_line(__doc__).parse_args()
    findings = Findings(arguments)
    recipe = (tiny() if arguments.tiny else demo()).recipe
    simulation = Simulation(ProceduralObjects(32), states_per_object=16)  # 4,608 observations, 64 x 64, 256 points
    if arguments.tiny:
        simulation = replace(simulation, objects=ProceduralObjects(4), states_per_object=8, image_size=32)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        processes = 1 if arguments.tiny else CORES
        store = Store(generate(simulation, folder / "store", processes=processes, progress=False))
        model = build_seeded_model(recipe).eval()
        config, num_rows = model.config, store.num_rows
        nothing = {"store": "", "store_sha256": "", "model": "", "model_sha256": "", "smcrep": ""}
        sizes = {"num_rows": num_rows, "rows_per_shard": num_rows, "embed_dim": config.embed_dim}
        manifest = EmbeddingManifest(**nothing, **sizes, num_invariant=config.invariant_dim, senses=config.names)
        rows = np.arange(num_rows)
        sensed = [store.read(rows[start : start + CHUNK], config.names) for start in range(0, num_rows, CHUNK)]
        chunks = [Senses.all_present(chunk) for chunk in sensed]
        ways = {
            "extraction": lambda: rate(num_rows, lambda: run_shard(0, manifest, model, StoreRows(store), folder)),
            "forward": lambda: rate(num_rows, lambda: forward(model, chunks)),
        }
        rates = interleaved(ways, 2 if arguments.tiny else 20)
    findings.ratio("embed.ratio_to_forward", rates, "extraction", "forward", bar=">= 0.90")
    findings.end()
