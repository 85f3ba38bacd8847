"""Does the audit name the signal that a policy ignores, from logged demonstrations alone?

    python experiments/policy_audit.py               # some 20 minutes on one core; a finished cell is not done again
    python experiments/policy_audit.py --tiny        # seconds; its numbers mean nothing

Policies are cloned in a planted world (`smcrep.vla.planted_policies`) whose demonstrator needs vision, cloud, language
and history. Healthy ones learn from its demonstrations; others from demonstrations in which one signal stood still
(constant), or was out of step while the robot's state told its content (told_twice). No wire is cut. The audit sees the
policy and 800 other demonstrations (`smcrep.vla.policy_audit`), not the world.

Leaves claims/vla.json in --out:

    audit.policies.KIND.SIGNAL   share of seeds in which the audit names that signal, and no other. Beside it the share
                                 named, and how far the policy follows the signal in exact branches of the world (1: as
                                 the demonstrator), the most of any seed; the policy's error on demonstrations like its
                                 own, over that of the healthy ones: what a loss shows; and the largest difference
                                 between utilisation, from demonstrations, and the exact branches
    audit.policies.healthy       share of seeds in which no signal is named

Expected: 10 of 10 everywhere.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from smcrep import script
from smcrep.evaluation.sentence import plain
from smcrep.probes.intervals import share_over_units
from smcrep.provenance import stamped
from smcrep.results import Record, write_claims, write_json
from smcrep.sweep import cell_path, finished
from smcrep.vla.planted_policies import KINDS, SIGNALS, Senses, follows, logged, sources, trained
from smcrep.vla.policy_audit import audit_policy, blind_to

HEALTHY = "healthy"
NUM_TRAINED, NUM_AUDITED = 600, 800
STEPS = 400
WORLD = 1000
"""Added to a seed for the world's own, so that each seed has another world."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--out", type=Path, default=Path("runs/policy_audit"), help="folder of the cells and the claims"
    )
    parser.add_argument(
        "--seeds", nargs="+", type=script.at_least(0), default=list(range(10)), help="each has a world of its own"
    )
    parser.add_argument("--tiny", action="store_true", help="one seed and few steps, to see that it runs")
    arguments = parser.parse_args()
    begun = time.monotonic()
    out = arguments.out / "tiny" if arguments.tiny else arguments.out
    seeds = arguments.seeds[:1] if arguments.tiny else arguments.seeds
    names = [HEALTHY, *(f"{kind}.{signal}" for kind in KINDS for signal in SIGNALS)][: 2 if arguments.tiny else None]
    for seed in seeds:
        for name in names:
            if not (path := cell_path(out / "cells", name, seed)).is_file():
                write_json(path, {"variant": name, "seed": seed} | cell(name, seed, tiny=arguments.tiny))
                print(f"{name}-{seed} done", flush=True)
    cells = finished(out / "cells")
    records = stamped(claims({n: list(cells[n].values()) for n in names}), "python experiments/policy_audit.py", begun)
    write_claims(out / "claims/vla.json", records)
    for name, record in records.items():
        print(plain(name, record, "named", "follows", "error_over_healthy"))


def cell(name: str, seed: int, *, tiny: bool) -> dict[str, Any]:
    """A policy, what it follows in the world, and what the audit says of it."""
    kind, _, signal = name.partition(".")
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    senses = Senses.draw(torch.Generator().manual_seed(WORLD + seed))
    num_trained, num_audited, steps = (60, 40, 30) if tiny else (NUM_TRAINED, NUM_AUDITED, STEPS)
    own = {} if name == HEALTHY else {"blind_to": signal, "kind": kind}
    policy = trained(logged(senses, num_trained, generator, **own), generator, steps)
    like_own = logged(senses, num_audited, generator, **own)
    asked = logged(senses, num_audited, generator)
    report = audit_policy(lambda batch: policy.act(sources(dict(batch))), asked, generator=generator)
    error = (policy.act(sources(dict(like_own.signals))) - like_own.actions).abs().mean()
    return {
        "error": float(error),
        "follows": follows(policy, senses, generator),
        "blind": blind_to(report),
        "competence": report.competence.value,
        "signals": {
            n: {"diagnosis": s.diagnosis.name, "test": s.test.verdict}
            | {key: estimate.value for key, estimate in s.readings.items()}
            for n, s in report.signals.items()
        },
    }


def claims(cells: dict[str, list[dict[str, Any]]]) -> dict[str, Record]:
    records = {}
    healthy_error = float(np.mean([cell["error"] for cell in cells[HEALTHY]]))
    for name, found in cells.items():
        signal = name.rpartition(".")[2]
        wanted = {s: s == signal for s in (*SIGNALS, "state")}
        # what nothing depends on may be read or not: nobody is blind to it
        right = np.array([all(c["blind"][s] is wanted[s] for s in SIGNALS) for c in found], float)
        follow = [c["follows"] for c in found]
        uses = [{s: c["signals"][s].get("utilisation", np.nan) for s in SIGNALS} for c in found]
        beside: dict[str, Any] = {"error_over_healthy": float(np.mean([c["error"] for c in found])) / healthy_error}
        sighted = [s for s in SIGNALS if s != signal]
        beside |= {"follows_others_least": min(f[s] for f in follow for s in sighted)}
        beside |= {"utilisation_others_least": float(min(u[s] for u in uses for s in sighted))}
        apart = [abs(u[s] - f[s]) for u, f in zip(uses, follow, strict=True) for s in SIGNALS]
        beside |= {"utilisation_from_branches_most": float(max(apart))}
        if name != HEALTHY:
            beside |= {"named": float(np.mean([c["blind"][signal] is True for c in found]))}
            beside |= {"follows": max(f[signal] for f in follow)}
            beside |= {"utilisation_most": float(max(u[signal] for u in uses))}
            words = [c["signals"][signal]["diagnosis"] for c in found]
            beside |= {"diagnoses": ", ".join(sorted(set(words)))}
        interval = share_over_units(right).ci95 if len(right) > 1 else None
        records[f"audit.policies.{name}"] = Record(
            float(right.mean()), interval, seeds=len(found), n=len(found), unit="share of seeds", controls=beside
        )
    return records


if __name__ == "__main__":
    script.run("policy_audit", main)
