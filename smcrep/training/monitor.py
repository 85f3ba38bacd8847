"""Is each signal still used while a model trains? Fresh pairs every so often, and sequential tests with a stated rate
of false alarms a run (`probes.collapse.sequential`).

    monitor = Monitor(branch_pairs(lambda model: adapter, draw), ("action",), horizon=16 * 400, out=run)
    for step in range(steps):
        ...
        if step % 50 == 0 and monitor(model):     # plain PyTorch: True asks the loop to stop
            break

`smcrep.training.fit` takes ``monitor.probe``; Lightning takes `training.monitor_lightning.monitor_callback`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from signal import SIGTERM, raise_signal
from typing import Any

import numpy as np
import torch

from smcrep.files import atomic_write_bytes
from smcrep.probes.collapse.adapter import Adapter, Batch
from smcrep.probes.collapse.counterfactual import counterfactual_ranks, pairs
from smcrep.probes.collapse.sequential import CollapseEvidence, ShiryaevRoberts, Verdict
from smcrep.probes.retrieval import rank, rank_same_state, same_state_scores
from smcrep.transition import FUSED, Transition

Pairs = Callable[[Any, int], Mapping[str, np.ndarray]]
"""(model, number of the call, from 0) -> for each signal fresh pairs [t] in [-1, 1], one a state."""
Draw = Callable[[int], tuple[Batch, Mapping[str, Sequence[Batch]]]]
"""Number of the call -> rows that no call has had, one a state; and for each signal K batches that replace a part."""

BEGIN_ALPHA = 0.05
"""Probability that the begin of use is found where there is none. It costs no false alarm of collapse, as the signal is
then not used: the watch for the end of use begins too soon."""


@dataclass(frozen=True)
class Alarm:
    """The signal is used less than ``u_min``. since: the last call at which the mean of its pairs was at least that;
    call: that of the alarm; pairs: seen in all; alpha: of the whole run."""

    signal: str
    call: int
    pairs: int
    since: int
    mean: float
    u_min: float
    alpha: float

    def __str__(self) -> str:
        return (
            f"collapse: {self.signal} is no longer used (mean of the last pairs {self.mean:.2f}, healthy from"
            f" {self.u_min}); last seen in use at look {self.since}, alarm at look {self.call}; false with probability"
            f" {self.alpha} a run at most"
        )


class SignalWatch:
    """One signal over a run of at most ``horizon`` pairs.

    First `ShiryaevRoberts` looks for the begin of use: the mean of (1 - f) / 2 comes below (1 - u_min) / 2. Until it
    speaks the verdict is "undetermined", however long the model takes to learn. From then on another one, with
    threshold horizon / alpha, watches for the end of use: "collapsed" has a false-alarm probability of at most alpha a
    run, as long as the mean given the past stays at ``u_min`` or above once use was found. A signal that was not found
    used after ``learned_by`` pairs is tested by `CollapseEvidence` from there on; alpha is shared between both.

    To begin with any use above 0 would not do: a signal that is being learned passes there long before it is healthy,
    and would raise the alarm of a healthy run. Nor would `UseEvidence`, which remembers the time before learning.
    """

    def __init__(self, *, u_min: float, horizon: int, alpha: float, learned_by: int | None = None) -> None:
        self.use = ShiryaevRoberts(u_min=(1 - u_min) / 2, horizon=horizon, alpha=BEGIN_ALPHA)
        self.onset = ShiryaevRoberts(u_min=u_min, horizon=horizon, alpha=alpha / 2)
        self.never = CollapseEvidence(u_min=u_min, alpha=alpha / 2)
        self.horizon = horizon
        self.learned_by = horizon if learned_by is None else learned_by
        self.num_pairs = 0
        self.alarm_at = 0

    def update(self, values: np.ndarray) -> Verdict:
        """Take fresh pairs [t]. Beyond the horizon nothing is tested any more: the guarantee has ended."""
        for value in np.asarray(values, np.float64)[: self.horizon - self.num_pairs]:
            self.num_pairs += 1
            if self.use.alarm:
                detector = self.onset
            else:
                self.use.update((1 - value[None]) / 2)
                if self.num_pairs <= self.learned_by:
                    continue
                detector = self.never
            detector.update(value[None])
            if detector.alarm and not self.alarm_at:
                self.alarm_at = self.num_pairs
        return self.verdict

    @property
    def verdict(self) -> Verdict:
        if self.alarm_at:
            return "collapsed"
        return "used" if self.use.alarm else "undetermined"

    @property
    def log_evidence(self) -> float:
        """Of collapse, as a share of the threshold's logarithm: 1 is the alarm."""
        detector = self.onset if self.use.alarm else self.never
        return float(np.clip(detector.log_evidence / detector.log_threshold, 0, 1))

    def state(self) -> dict[str, Any]:
        """Of `restore`, in finite numbers: a detector that has seen no pair has no state."""
        detectors = {name: getattr(self, name) for name in ("use", "onset", "never")}
        states = {name: detector.state() for name, detector in detectors.items() if detector.num_pairs}
        return {"num_pairs": self.num_pairs, "alarm_at": self.alarm_at, **states}

    def restore(self, state: dict[str, Any]) -> None:
        self.num_pairs, self.alarm_at = int(state["num_pairs"]), int(state["alarm_at"])
        for name in ("use", "onset", "never"):
            if name in state:
                getattr(self, name).restore(state[name])


class Monitor:
    """Watches the signals of one run.

    pairs       `branch_pairs`, `counterfactual_pairs`, or any function of that form.
    horizon     pairs of each signal in the whole run: pairs a call x calls.
    u_min       the least healthy mean of the pairs.
    alpha       bound on the probability of any false alarm in the run; each signal has an equal part of it.
    learned_by  pairs after which a signal should have been found used; None: an alarm takes health first.
    out         folder of monitor.json (state and history: a run begun again goes on from it) and alarm-SIGNAL.json.
    draw        draws a picture: (history, signal, path) -> None, such as `report.figures.zoo.use_over_training`; its
                path is alarm-SIGNAL.png in ``out``.
    stop        whether an alarm asks the loop to stop.
    say         gets the line of an alarm.
    """

    def __init__(
        self,
        pairs: Pairs,
        signals: Sequence[str],
        *,
        horizon: int,
        u_min: float = 0.4,
        alpha: float = 0.01,
        learned_by: int | None = None,
        out: Path | None = None,
        draw: Callable[[Sequence[Mapping[str, Any]], str, Path], None] | None = None,
        stop: bool = False,
        say: Callable[[str], None] = print,
    ) -> None:
        if not signals:
            raise ValueError("monitor: no signals; name those that are to be watched")
        own = {"u_min": u_min, "horizon": horizon, "alpha": alpha / len(signals), "learned_by": learned_by}
        self.watches = {name: SignalWatch(**own) for name in signals}
        self.pairs, self.u_min, self.alpha, self.out, self.draw = pairs, u_min, alpha, out, draw
        self.stop, self.say = stop, say
        self.history: list[dict[str, Any]] = []
        self.alarms: list[Alarm] = []
        if out and (out / "monitor.json").is_file():
            self._load(out / "monitor.json")

    def __call__(self, model: Any) -> bool:
        """Look once. True: an alarm was raised, in this run, and the loop should stop."""
        call = len(self.history)
        found = self.pairs(model, call)
        missing = sorted(set(self.watches) - set(found))
        if missing:
            raise ValueError(f"monitor: no pairs for {missing[0]!r}; give [t] for each of {', '.join(self.watches)}")
        record: dict[str, Any] = {"call": call}
        for name, watch in self.watches.items():
            known = bool(watch.alarm_at)
            values = np.asarray(found[name], np.float64)
            verdict = watch.update(values)
            record[name] = {"mean": float(values.mean()), "verdict": verdict, "evidence": watch.log_evidence}
            if verdict == "collapsed" and not known:
                self.alarms.append(self._alarm(name, watch, float(values.mean()), call))
        self.history.append(record)
        self._save()
        for alarm in self.alarms:
            if alarm.call == call:
                self._raise(alarm)
        return self.stop and bool(self.alarms)

    def probe(self, model: Any) -> dict[str, float]:
        """For `training.fit`: looks once, gives figures for the log; with ``stop`` an alarm ends the run as SIGTERM
        does, after the step in progress, with a checkpoint."""
        if self(model):
            raise_signal(SIGTERM)
        return self.figures()

    def figures(self) -> dict[str, float]:
        """Of the last look: use/SIGNAL, mean of its pairs; collapse_evidence/SIGNAL, from 0 to 1, the alarm."""
        last = self.history[-1]
        return {
            f"{kind}/{name}": last[name][key]
            for name in self.watches
            for kind, key in (("use", "mean"), ("collapse_evidence", "evidence"))
        }

    def _alarm(self, name: str, watch: SignalWatch, mean: float, call: int) -> Alarm:
        healthy = [r["call"] for r in self.history if r[name]["mean"] >= self.u_min]
        return Alarm(name, call, watch.num_pairs, healthy[-1] if healthy else 0, mean, self.u_min, self.alpha)

    def _raise(self, alarm: Alarm) -> None:
        self.say(str(alarm))
        if not self.out:
            return
        atomic_write_bytes(self.out / f"alarm-{alarm.signal}.json", _json(asdict(alarm)))
        if self.draw:
            self.draw(self.history, alarm.signal, self.out / f"alarm-{alarm.signal}.png")

    def _save(self) -> None:
        if self.out:
            self.out.mkdir(parents=True, exist_ok=True)
            watches = {name: watch.state() for name, watch in self.watches.items()}
            alarms = [asdict(alarm) for alarm in self.alarms]
            state = {"watches": watches, "history": self.history, "alarms": alarms}
            atomic_write_bytes(self.out / "monitor.json", _json(state))

    def _load(self, path: Path) -> None:
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            for name, watch in self.watches.items():
                watch.restore(state["watches"][name])
            self.history = list(state["history"])
            self.alarms = [Alarm(**alarm) for alarm in state["alarms"]]
        except (ValueError, LookupError, TypeError) as error:
            raise ValueError(
                f"{path}: no state of a monitor of these signals ({error!r}); remove it to begin anew"
            ) from None


def branch_pairs(adapt: Callable[[Any], Adapter], draw: Draw) -> Pairs:
    """Pairs of any model, where a simulator or a store has other outcomes of the same states. Each of the K + 1
    branches of a state in turn: told its signal, the share of the other outcomes that score below its own minus the
    share above; the mean over branches is the pair of the state, which varies less than one branch does.

    adapt  model -> `Adapter`; ``lambda model: adapter`` where it is one already.
    draw   makes rows that the monitor has not had, so that the pairs are fresh, and for each signal K batches with
           other values of it and with the targets that these lead to, under their names in the rows.

    Cost of a call: (K + 1)^2 passes of the rows for each signal.
    """

    def found(model: Any, call: int) -> dict[str, np.ndarray]:
        batch, branches = draw(call)
        adapter = adapt(model)
        return {name: _retrieved(adapter, batch, name, own) for name, own in branches.items()}

    return found


def _retrieved(adapter: Adapter, batch: Batch, name: str, branches: Sequence[Batch]) -> np.ndarray:
    if any(name not in branch or len(branch) < 2 for branch in branches):
        raise ValueError(f"monitor: a branch of {name!r} lacks it, or its targets; give both in each of its batches")
    own = [{key: batch[key] for key in branches[0]}, *branches]
    found = []
    for i, told in enumerate(own):
        with torch.no_grad():
            scores = [adapter.score({**batch, **seen, name: batch[name]}, {name: told[name]}) for seen in own]
        columns = torch.stack(scores, -1).double().cpu().numpy()
        found.append(pairs(rank(columns, np.full(len(columns), i))))
    return np.mean(found, 0)


def outcome_pairs(draw: Callable[[int], Transition], signal: str, *, source: str = FUSED) -> Pairs:
    """Pairs of our own model for `training.fit`: as `branch_pairs`, from the k outcomes of each state, which are
    encoded once.

    draw    number of the call -> states whose outcomes differ in ``signal`` alone (a store that branches over it), and
            that neither training nor the monitor has had.
    source  a sense, or "fused": whose prediction is judged.
    """

    @torch.no_grad()
    def found(model: Any, call: int) -> dict[str, np.ndarray]:
        transition = draw(call)
        states, views = transition.observations.batch_shape
        flat = transition.observations.flatten().data
        embedding = model.embed({name: flat.get(name) for name in model.config.senses})
        seen = embedding.equivariant(source).unflatten(0, (states, views))
        physics = transition.physics
        condition = model.condition(
            transition.action.to(model.device), None if physics is None else physics.to(model.device)
        )
        predicted = model.predict(source, seen[:, :1].expand(-1, views - 1, -1), condition)
        ranks = rank_same_state(same_state_scores(predicted.cpu().numpy(), seen[:, 1:].cpu().numpy()))
        return {signal: pairs(ranks).mean(1)}

    return found


def counterfactual_pairs(adapt: Callable[[Any], Adapter], draw: Draw) -> Pairs:
    """The same without a simulator: ``draw`` gives K other values of each signal (`replacement`), and the true signal
    is ranked among them by the score of the one outcome. Weaker for a contrastive model, whose scores are trained to be
    compared between outcomes. Cost of a call: K + 1 passes of its rows for each signal."""

    def found(model: Any, call: int) -> dict[str, np.ndarray]:
        batch, others = draw(call)
        adapter = adapt(model)
        return {name: pairs(counterfactual_ranks(adapter, batch, own)) for name, own in others.items()}

    return found


def _json(value: Any) -> bytes:
    return (json.dumps(value, allow_nan=False) + "\n").encode()
