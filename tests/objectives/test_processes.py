"""Two processes with half the batch each have the gradient of one process with the whole: through negatives, too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from smcrep.objectives.processes import ALONE, processes

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys, torch
from torch import distributed as dist
from smcrep.objectives.sensorimotor import SensorimotorWeights
from smcrep.training.build import build_seeded_model
from smcrep.training.step import step_loss
from tests.training.synthetic import tiny_recipe, transition

world, folder = int(sys.argv[1]), sys.argv[2]
rank = int(sys.argv[3])
if world > 1:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=world)
model = build_seeded_model(tiny_recipe())
batch = transition(8, 3, seed=1)
share = 8 // world
weights = SensorimotorWeights(same_state_negatives=sys.argv[4] == "True")
loss = step_loss(model, batch[rank * share : (rank + 1) * share], weights)
loss.total.backward()
total = loss.total.detach()
for p in model.parameters():
    if world > 1:
        dist.all_reduce(p.grad)
        p.grad /= world
if world > 1:
    dist.all_reduce(total)
torch.save({"total": total / world, **{n: p.grad for n, p in model.named_parameters()}}, f"{folder}/{world}-{rank}.pt")
"""


def run(folder: Path, world: int, same_state: bool) -> list[dict[str, torch.Tensor]]:
    path = folder / "script.py"
    path.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, str(path), str(world), str(folder), str(rank), str(same_state)], env=environment
        )
        for rank in range(world)
    ]
    assert [process.wait(120) for process in started] == [0] * world
    return [torch.load(folder / f"{world}-{rank}.pt", weights_only=True) for rank in range(world)]


@pytest.mark.parametrize("same_state", [True, False])
def test_gradient_of_two_is_that_of_one(tmp_path: Path, same_state: bool) -> None:
    (alone,) = run(tmp_path, 1, same_state)
    for each in run(tmp_path, 2, same_state):
        assert set(each) == set(alone)
        whole, found = (torch.cat([x[name].flatten().double() for name in alone]) for x in (alone, each))
        assert (found - whole).norm() < 1e-6 * whole.norm()


def test_one_process_gathers_nothing() -> None:
    x = torch.randn(3, requires_grad=True)
    assert processes() is ALONE
    assert ALONE.gather(x) is x
