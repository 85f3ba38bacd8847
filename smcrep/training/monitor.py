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

from smcrep.files import atomic_write_bytes
from smcrep.training.fresh_pairs import Pairs
from smcrep.training.signal_watch import SignalWatch


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


class Monitor:
    """Watches the signals of one run.

    pairs       `fresh_pairs.branch_pairs`, `counterfactual_pairs`, `outcome_pairs`, or any function of that form.
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


def _json(value: Any) -> bytes:
    return (json.dumps(value, allow_nan=False) + "\n").encode()
