"""Health raises no alarm, its end does, and soon; what is learned late is not lost; a run goes on from its state."""

import json
from pathlib import Path
from signal import SIGTERM
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from smcrep.probes.collapse.adapter import KeywordModel
from smcrep.report.figures.zoo import use_over_training
from smcrep.training.build import Compute, build_fabric, build_seeded_model
from smcrep.training.fit import fit
from smcrep.training.fresh_pairs import branch_pairs, counterfactual_pairs, outcome_pairs
from smcrep.training.monitor import Monitor
from smcrep.training.monitor_lightning import monitor_callback
from smcrep.training.online import online_probe
from smcrep.training.signal_watch import SignalWatch
from smcrep.transition import Targets
from tests.training.synthetic import SyntheticSource, tiny_recipe, transition

U_MIN, HORIZON = 0.4, 300


def stream(means: list[tuple[int, float]], seed: int) -> np.ndarray:
    """Pairs of deviation .3, so many of each mean."""
    rng = np.random.default_rng(seed)
    return np.concatenate([np.clip(mean + 0.3 * rng.standard_normal(n), -1, 1) for n, mean in means])


def watched(pairs: np.ndarray, **options: Any) -> SignalWatch:
    watch = SignalWatch(**{"u_min": U_MIN, "horizon": HORIZON, "alpha": 0.01} | options)
    watch.update(pairs)
    return watch


def test_false_alarms_at_the_edge_of_health_keep_their_rate() -> None:
    """Health, then exactly u_min to the end: the hardest null. Many runs at a high rate, so that the bound can fail."""
    runs, alpha = 150, 0.2
    alarms = [bool(watched(stream([(30, 0.8), (170, U_MIN)], seed), alpha=alpha).alarm_at) for seed in range(runs)]
    assert np.mean(alarms) <= stats.binom.ppf(0.9999, runs, alpha / 2) / runs


def test_end_of_use_is_found_soon_and_not_before() -> None:
    for seed in range(10):
        watch = watched(stream([(150, 0.75), (150, 0.0)], seed))
        assert 150 < watch.alarm_at < 210
        assert watch.verdict == "collapsed"
        assert watch.log_evidence == 1.0


def test_a_slow_learner_is_undetermined_then_used() -> None:
    slow = stream([(80, 0.0), (40, 0.2), (80, 0.8)], 0)
    watch = SignalWatch(u_min=U_MIN, horizon=HORIZON, alpha=0.01)
    assert watch.update(slow[:120]) == "undetermined"
    assert watch.update(slow[120:]) == "used"
    assert not watch.alarm_at


def test_what_was_never_learned_is_said_after_its_time() -> None:
    never = stream([(200, 0.0)], 0)
    assert watched(never).verdict == "undetermined"
    found = watched(never, learned_by=100)
    assert found.verdict == "collapsed"
    assert found.alarm_at > 100


def test_nothing_is_tested_beyond_the_horizon() -> None:
    assert not watched(stream([(150, 0.75), (150, 0.0)], 0), horizon=150).alarm_at


def test_a_watch_goes_on_from_its_state() -> None:
    pairs = stream([(100, 0.75), (100, 0.0)], 3)
    whole, first = watched(pairs), watched(pairs[:120])
    second = SignalWatch(u_min=U_MIN, horizon=HORIZON, alpha=0.01)
    second.restore(json.loads(json.dumps(first.state())))
    second.update(pairs[120:])
    assert second.alarm_at == whole.alarm_at
    assert second.log_evidence == whole.log_evidence


def played(falls_at: int) -> Any:
    """Pairs of two signals, 10 a look; the action is used until a look."""

    def pairs(model: Any, call: int) -> dict[str, np.ndarray]:
        mean = 0.75 if call < falls_at else 0.0
        return {"action": stream([(10, mean)], call), "physics": stream([(10, 0.75)], 1000 + call)}

    return pairs


def test_an_alarm_leaves_a_file_a_line_and_a_picture(tmp_path: Path) -> None:
    said: list[str] = []
    options: dict[str, Any] = {"horizon": HORIZON, "out": tmp_path, "draw": use_over_training, "say": said.append}
    monitor = Monitor(played(12), ("action", "physics"), **options)
    assert [monitor(None) for _ in range(25)] == [False] * 25  # not asked to stop
    (alarm,) = monitor.alarms
    assert 12 <= alarm.call <= 20
    assert alarm.signal == "action"
    assert alarm.since == 11
    assert alarm.alpha == 0.01  # of the run; each of two signals has half of it
    assert monitor.watches["action"].onset.log_threshold == pytest.approx(np.log(HORIZON / 0.0025))
    assert json.loads((tmp_path / "alarm-action.json").read_text())["call"] == alarm.call
    assert (tmp_path / "alarm-action.png").stat().st_size > 1000
    assert len(said) == 1
    assert said[0].startswith("collapse: action is no longer used")
    assert not (tmp_path / "alarm-physics.json").exists()


def test_a_run_begun_again_ends_in_the_same_alarm(tmp_path: Path) -> None:
    whole = Monitor(played(12), ("action", "physics"), horizon=HORIZON, stop=True, say=lambda line: None)
    stops = [whole(None) for _ in range(25)]
    first = Monitor(played(12), ("action", "physics"), horizon=HORIZON, out=tmp_path, say=lambda line: None)
    for _ in range(13):
        first(None)
    second = Monitor(played(12), ("action", "physics"), horizon=HORIZON, out=tmp_path, say=lambda line: None)
    for _ in range(12):
        second(None)
    assert second.alarms == whole.alarms
    assert second.history == whole.history
    assert stops.index(True) == whole.alarms[0].call


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no signals"):
        Monitor(played(1), (), horizon=10)
    with pytest.raises(ValueError, match="no pairs for 'language'; give"):
        Monitor(played(1), ("action", "language"), horizon=10)(None)
    (tmp_path / "monitor.json").write_text("{}")
    with pytest.raises(ValueError, match="remove it to begin anew"):
        Monitor(played(1), ("action",), horizon=10, out=tmp_path)
    with pytest.raises(ValueError, match="every is 0"):
        monitor_callback(Monitor(played(1), ("action",), horizon=10), every=0)


class Sum(nn.Module):
    """y = w (state + action), deaf to the action where ``hears`` is 0."""

    def __init__(self, hears: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0]))
        self.hears = hears

    def forward(self, state: Tensor, action: Tensor) -> Tensor:
        return self.weight * (state + self.hears * action)


def adapter(model: nn.Module) -> KeywordModel:
    return KeywordModel(model, lambda y, batch: (y - batch["outcome"]).square(), ("state", "action"))


def drawn(call: int) -> tuple[dict[str, Tensor], dict[str, list[dict[str, Tensor]]]]:
    generator = torch.Generator().manual_seed(call)
    state, *actions = torch.randn(5, 10, 2, generator=generator)
    own, *others = [{"action": action, "outcome": state + action} for action in actions]
    return {"state": state, **own}, {"action": others}


@pytest.mark.parametrize("make", [branch_pairs, counterfactual_pairs])
def test_pairs_read_one_of_who_hears_and_zero_of_who_is_deaf(make: Any) -> None:
    def draw(call: int) -> Any:
        batch, others = drawn(call)
        if make is counterfactual_pairs:
            others = {"action": [{"action": other["action"]} for other in others["action"]]}
        return batch, others

    pairs = make(adapter, draw)
    assert pairs(Sum(1.0), 0)["action"].tolist() == [1.0] * 10
    assert pairs(Sum(0.0), 0)["action"] == pytest.approx(np.zeros(10), abs=1e-9)
    assert pairs(Sum(-1.0), 0)["action"].mean() < 0.2  # hears, and goes the wrong way


def test_branches_without_targets_are_refused() -> None:
    def draw(call: int) -> Any:
        batch, others = drawn(call)
        return batch, {"action": [{"action": other["action"]} for other in others["action"]]}

    with pytest.raises(ValueError, match="a branch of 'action' lacks it, or its targets"):
        branch_pairs(adapter, draw)(Sum(1.0), 0)


def test_our_own_model_is_judged_as_its_probe_judges_it() -> None:
    """Of two outcomes a pair is 1 where the right one is first and -1 where it is not: 2 H@1 - 1 in the mean."""
    model, states = build_seeded_model(tiny_recipe()).eval(), transition(20, 2, seed=0)
    pairs = outcome_pairs(lambda call: states, "action", source="points")
    ids = torch.arange(20)
    hits = online_probe(states, Targets(ids, ids, *[torch.zeros(20)] * 3))(model)["retrieval/points"]
    found = pairs(model, 0)["action"]
    assert found.shape == (20,)
    assert found.mean() == pytest.approx(2 * hits - 1)
    assert found.std() > 0
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    assert pairs(model, 0)["action"] == pytest.approx(np.zeros(20))


def test_an_alarm_ends_our_loop_with_a_checkpoint(tmp_path: Path) -> None:
    """Looks 0 to 5 are healthy, and the last of many short ones raises the alarm."""

    def pairs(model: Any, call: int) -> dict[str, np.ndarray]:
        return {"action": np.full(60, 0.8 if call < 2 else -0.5)}

    monitor = Monitor(pairs, ("action",), horizon=500, stop=True, say=lambda line: None)
    recipe = tiny_recipe(probe_every=1)
    fabric = build_fabric(Compute(accelerator="cpu"), recipe.optim)
    found = fit(recipe, lambda rank, size: SyntheticSource(), tmp_path, fabric=fabric, probe=monitor.probe)
    assert (found.step, found.stopped_by) == (3, SIGTERM)
    assert (tmp_path / "checkpoint").exists()
    records = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    means = [r["probe/use/action"] for r in records if "probe/use/action" in r]
    assert means == pytest.approx([0.8, 0.8, -0.5])
    assert [r["probe/collapse_evidence/action"] for r in records if "probe/use/action" in r][-1] == 1.0


@pytest.mark.filterwarnings("ignore")
def test_lightning_looks_stops_and_leaves_the_mode_alone(tmp_path: Path) -> None:
    import pytorch_lightning as lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.modes, self.steps = nn.Linear(1, 1), list[bool](), 0

        def training_step(self, batch: Tensor, index: int) -> Tensor:
            assert self.training
            self.steps += 1
            return self.layer(batch[0]).square().mean()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.01)

    def pairs(model: Any, call: int) -> dict[str, np.ndarray]:
        model.modes.append(model.training)
        return {"action": np.full(60, 0.8 if call < 2 else -0.5)}

    module = Module()
    monitor = Monitor(pairs, ("action",), horizon=500, stop=True, say=lambda line: None)
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(40, 1)), batch_size=2)
    trainer = lightning.Trainer(
        max_epochs=5, callbacks=[monitor_callback(monitor, every=5)], accelerator="cpu", logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(module, data)
    assert module.steps == 15
    assert len(monitor.alarms) == 1
    assert module.modes == [False] * 3
