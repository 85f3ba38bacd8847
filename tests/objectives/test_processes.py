"""Two processes with half the batch each have the gradient of one process with the whole: through negatives, too."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from smcrep.objectives import (
    CARE,
    CLIPWeights,
    CombinedWeights,
    CrossPointWeights,
    EquiModWeights,
    Equivariance,
    Invariance,
    NoEquivariance,
    NTXent,
    SensorimotorWeights,
    SeqJEPAWeights,
    SharedPrivateWeights,
    SimCLRWeights,
    TimeContrastWeights,
    VICRegWeights,
)
from smcrep.objectives.processes import ALONE, Processes, processes
from tests.objectives.observed import observed_by, small_model
from tests.training.synthetic import transition

ROOT = Path(__file__).parents[2]
OBJECTIVES = {
    "sensorimotor": SensorimotorWeights(),
    "sensorimotor without same-state negatives": SensorimotorWeights(same_state_negatives=False),
    "equimod": EquiModWeights(),
    "simclr": SimCLRWeights(),
    "vicreg": VICRegWeights(),
    "clip": CLIPWeights(),
    "crosspoint": CrossPointWeights(),
    "shared_private": SharedPrivateWeights(),
    "time": TimeContrastWeights(),
    "seq_jepa": SeqJEPAWeights(action=6, hidden=8, layers=1, attention_heads=2),
    **{name: CombinedWeights(kind(), NoEquivariance()) for name, kind in Invariance.kinds().items()},
    **{name: CombinedWeights(NTXent(), kind()) for name, kind in Equivariance.kinds().items() if kind is not CARE},
}
SCRIPT = """
import sys, torch
from torch import distributed as dist
from smcrep.training.build import build_seeded_model
from smcrep.training.step import step_loss
from tests.objectives.test_processes import OBJECTIVES
from tests.training.synthetic import tiny_recipe, transition

world, folder, rank = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
if world > 1:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=world)
batch = transition(8, 3, seed=1)
share = 8 // world
found = {}
for name, objective in OBJECTIVES.items():
    model = build_seeded_model(tiny_recipe(objective=objective))
    loss = step_loss(model, batch[rank * share : (rank + 1) * share], objective, augmented=False)
    loss.total.backward()
    gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    total = loss.total.detach()
    if world > 1:
        for gradient in (*gradients.values(), total):
            dist.all_reduce(gradient)
            gradient /= world
    found[name] = {"total": total, **gradients}
torch.save(found, f"{folder}/{world}-{rank}.pt")
"""
Found = dict[str, dict[str, torch.Tensor]]


def run(folder: Path, world: int) -> list[Found]:
    path = folder / "script.py"
    path.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen([sys.executable, str(path), str(world), str(folder), str(rank)], env=environment)
        for rank in range(world)
    ]
    assert [process.wait(120) for process in started] == [0] * world
    return [torch.load(folder / f"{world}-{rank}.pt", weights_only=True) for rank in range(world)]


def test_gradient_of_two_processes_is_that_of_one(tmp_path: Path) -> None:
    (alone,) = run(tmp_path, 1)
    both = run(tmp_path, 2)
    for objective, expected in alone.items():
        for each in both:
            assert set(each[objective]) == set(expected)
            whole, found = (torch.cat([x[n].flatten().double() for n in expected]) for x in (expected, each[objective]))
            assert (found - whole).norm() < 3e-6 * whole.norm(), objective


@pytest.mark.parametrize("name", ["sensorimotor", "sensorimotor without same-state negatives"])
def test_losses_of_the_halves_are_on_average_that_of_the_whole(name: str) -> None:
    """In one process: what both halves would gather is written down first, and then handed out."""
    model, batch, objective = small_model().eval(), transition(8, 3, seed=1), OBJECTIVES[name]
    whole = objective.loss(observed_by(model, batch)).total
    halves = [observed_by(model, part) for part in (batch[:4], batch[4:])]
    sent: list[list[torch.Tensor]] = [[], []]
    for half, found in zip(halves, sent, strict=True):
        objective.loss(replace(half, processes=Processes(lambda x, found=found: found.append(x) or x, 0)))
    totals = []
    for rank, half in enumerate(halves):
        gathered = iter([torch.cat(parts) for parts in zip(*sent, strict=True)])
        totals.append(objective.loss(replace(half, processes=Processes(lambda x, g=gathered: next(g), rank))).total)
    torch.testing.assert_close(torch.stack(totals).mean(), whole)


def test_one_process_gathers_nothing() -> None:
    x = torch.randn(3, requires_grad=True)
    assert processes() is ALONE
    assert ALONE.gather(x) is x
