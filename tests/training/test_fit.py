"""Interrupted or not, a run ends in the same weights; a bad number never reaches them; one process equals two."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from smcrep.models.model import SensorimotorModel
from smcrep.training import checkpoint
from smcrep.training.build import Compute, build_fabric
from smcrep.training.fit import Fitted, NotFinite, _anyone, fit
from smcrep.training.recipes import Optim, Recipe
from tests.training.synthetic import SyntheticSource, tiny_recipe

ROOT = Path(__file__).parents[2]
CPU = Compute(accelerator="cpu")


def train(recipe: Recipe, out: Path, source: SyntheticSource | None = None, **options: object) -> Fitted:
    return fit(
        recipe,
        lambda rank, world_size: source or SyntheticSource(),
        out,
        fabric=build_fabric(CPU, recipe.optim),
        **options,  # type: ignore[arg-type]
    )


def same(a: SensorimotorModel, b: SensorimotorModel) -> bool:
    other = b.state_dict()
    return all(torch.equal(value, other[name]) for name, value in a.state_dict().items())


def losses(out: Path) -> list[tuple[int, float]]:
    records = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [(record["step"], record["loss"]) for record in records if "loss" in record]


class StopAfter(SyntheticSource):
    """Sends this process a signal while a batch is drawn, as a scheduler would."""

    def __iter__(self):  # type: ignore[no-untyped-def]
        for i, batch in enumerate(super().__iter__()):
            if i == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fitted, Path]:
    out = tmp_path_factory.mktemp("whole")
    return train(tiny_recipe(), out), out


def test_interrupted_and_resumed_equals_whole(whole: tuple[Fitted, Path], tmp_path: Path) -> None:
    stopped = train(tiny_recipe(), tmp_path, StopAfter())
    assert (stopped.step, stopped.stopped_by) == (5, signal.SIGTERM)
    assert not same(stopped.model, whole[0].model)
    resumed = train(tiny_recipe(), tmp_path)
    assert (resumed.step, resumed.stopped_by) == (8, None)
    assert same(resumed.model, whole[0].model)
    assert losses(tmp_path) == losses(whole[1])


def test_killed_process_resumes_from_its_last_checkpoint(whole: tuple[Fitted, Path], tmp_path: Path) -> None:
    """As after SIGKILL: the log went on beyond the checkpoint."""
    recipe = tiny_recipe(checkpoint_every=4)
    with pytest.raises(NotFinite):  # dies in step 7
        train(recipe, tmp_path, SyntheticSource(poisoned=6))
    state = checkpoint.load(tmp_path / "checkpoint", recipe)
    assert state is not None
    assert state["step"] == 4
    assert [step for step, _ in losses(tmp_path)] == [3, 6]
    assert same(train(recipe, tmp_path).model, whole[0].model)
    assert losses(tmp_path) == losses(whole[1])


def test_finished_run_trains_nothing(whole: tuple[Fitted, Path]) -> None:
    again = train(tiny_recipe(), whole[1])
    assert again.step == 8
    assert same(again.model, whole[0].model)


def test_without_resuming_it_starts_over(whole: tuple[Fitted, Path], tmp_path: Path) -> None:
    train(tiny_recipe(), tmp_path, StopAfter())
    assert same(train(tiny_recipe(), tmp_path, resume=False).model, whole[0].model)
    assert losses(tmp_path) == losses(whole[1])


def test_planted_nan_stops_by_name_and_spares_the_checkpoint(tmp_path: Path) -> None:
    recipe, source = tiny_recipe(checkpoint_every=2), SyntheticSource(poisoned=4)
    with pytest.raises(NotFinite) as caught:
        train(recipe, tmp_path, source)
    message = str(caught.value)
    assert message.startswith("training: step 5 is not finite: ")
    assert "equivariant/points is nan" in message
    assert "equivariant/rgb is" not in message
    assert message.endswith("last.pt (step 4)")
    assert source.closed
    state = checkpoint.load(tmp_path / "checkpoint", recipe)
    assert state is not None
    assert state["step"] == 4
    assert all(value.isfinite().all() for value in state["model"].values())


def test_nan_before_any_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(NotFinite, match=r"step 1 is not finite.*no checkpoint was saved yet"):
        train(tiny_recipe(), tmp_path, SyntheticSource(poisoned=0))


def test_loss_falls(tmp_path: Path) -> None:
    recipe = tiny_recipe(optim=Optim(steps=120, lr=1e-2, batch_states=8), log_every=20)
    train(recipe, tmp_path, SyntheticSource(num_states=8, num_outcomes=3))
    curve = losses(tmp_path)
    assert curve[-1][1] < curve[0][1] - 0.5


@pytest.mark.parametrize("grad_clip", [1e-3, 1e6])
def test_the_gradient_of_a_step_is_no_longer_than_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grad_clip: float
) -> None:
    """Adam hardly tells: it divides by the gradient's size. What the optimiser is handed is measured."""
    handed, step = [], torch.optim.AdamW.step

    def measured(self: torch.optim.AdamW, *arguments: object, **named: object) -> object:
        gradients = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
        handed.append(float(torch.stack([g.norm() for g in gradients]).norm()))
        return step(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.optim.AdamW, "step", measured)
    optim = Optim(steps=3, batch_states=4, warmup=0, grad_clip=grad_clip)
    train(tiny_recipe(optim=optim, log_every=1), tmp_path)
    records = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    norms = [record["gradient_norm"] for record in records if "gradient_norm" in record]
    assert len(norms) == 3
    assert 1e-3 < min(norms) < max(norms) < 1e6
    assert handed == pytest.approx([min(norm, grad_clip) for norm in norms], rel=1e-3)


def test_half_precision_keeps_the_loss_whole(tmp_path: Path) -> None:
    """Autocast reaches the encoders only: cosines at a temperature below 0.1 have no bits to spare."""
    recipe = tiny_recipe(log_every=1)
    train(recipe, tmp_path / "32")
    half = replace(recipe, optim=replace(recipe.optim, precision="bf16-mixed"))
    train(half, tmp_path / "16")
    (_, whole), (_, rounded) = losses(tmp_path / "32")[0], losses(tmp_path / "16")[0]
    assert rounded == pytest.approx(whole, rel=0.02)
    assert rounded != whole


def test_probe_is_called_when_due_and_logged(tmp_path: Path) -> None:
    recipe = tiny_recipe(probe_every=3)
    train(recipe, tmp_path, probe=lambda model: {"few_shot": float(model.config.invariant_dim)})
    records = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [r["step"] for r in records if r.get("probe/few_shot") == 8.0] == [3, 6, 8]


SCRIPT = """
import sys, torch
from pathlib import Path
from smcrep.training.build import Compute, build_fabric
from smcrep.training.fit import fit
from tests.training.synthetic import SyntheticSource, tiny_recipe
from smcrep.training.recipes import Optim

out, devices, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
recipe = tiny_recipe(optim=Optim(steps=steps), log_every=1)
fabric = build_fabric(Compute("cpu", devices, "ddp" if devices > 1 else "auto"), recipe.optim)
fitted = fit(recipe, lambda rank, world_size: SyntheticSource(rank=rank), out, fabric=fabric)
torch.save(fitted.model.state_dict(), out / f"rank{fabric.global_rank}.pt")
print("stopped by", fitted.stopped_by and fitted.stopped_by.name, "after", fitted.step)
"""


def script(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    path = folder / "script.py"
    path.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(path), *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_interrupt_of_a_real_process(tmp_path: Path) -> None:
    process = script(tmp_path, str(tmp_path), "1", "100000")
    deadline = time.monotonic() + 60
    while not (tmp_path / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "stopped by SIGINT after" in printed
    recipe = tiny_recipe(optim=Optim(steps=100000))
    state = checkpoint.load(tmp_path / "checkpoint", recipe)
    assert state is not None
    assert f"after {state['step']}" in printed
    assert 0 < state["step"] < 100000


def test_two_processes_agree(tmp_path: Path) -> None:
    process = script(tmp_path, str(tmp_path), "2", "4")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    first, second = (torch.load(tmp_path / f"rank{i}.pt", weights_only=True) for i in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    alone = train(tiny_recipe(optim=Optim(steps=4)), tmp_path / "alone").model.state_dict()
    assert not all(torch.equal(first[name], alone[name]) for name in first)


def test_a_checkpoint_of_two_processes_goes_on_in_one(tmp_path: Path) -> None:
    process = script(tmp_path, str(tmp_path), "2", "100000")
    deadline = time.monotonic() + 120
    while not (tmp_path / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    state = checkpoint.load(tmp_path / "checkpoint", tiny_recipe(optim=Optim(steps=100000)))
    assert state is not None, said
    done = int(state["step"])
    assert 0 < done < 100000
    alone = script(tmp_path, str(tmp_path), "1", "100000")
    wanted = f'"step": {done + 3},'
    while wanted not in (tmp_path / "metrics.jsonl").read_text() and time.monotonic() < deadline + 60:
        assert alone.poll() is None, alone.communicate()[1]
        time.sleep(0.05)
    alone.send_signal(signal.SIGTERM)
    printed, said = alone.communicate(timeout=60)
    assert int(printed.split("after")[1]) >= done + 3, said
    steps = [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, len(steps) + 1))  # it went on where both had stopped: none twice, none left out


def test_folder_of_another_recipe_is_refused(whole: tuple[Fitted, Path]) -> None:
    recipe = tiny_recipe()
    with pytest.raises(ValueError, match=r"optim\.lr"):
        train(replace(recipe, optim=replace(recipe.optim, lr=1.0)), whole[1])


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("others", [False, True])
def test_all_processes_stop_where_one_of_them_received_a_signal(own: bool, others: bool) -> None:
    def all_reduce(flag: torch.Tensor, reduce_op: str) -> torch.Tensor:
        assert reduce_op == "max"
        return torch.maximum(flag, torch.tensor(float(others)))

    two = SimpleNamespace(world_size=2, device=torch.device("cpu"), all_reduce=all_reduce)
    assert _anyone(two, own) is (own or others)  # type: ignore[arg-type]
    assert _anyone(SimpleNamespace(world_size=1), own) is own  # type: ignore[arg-type]
