"""Pictures of the zoo of planted collapse from its records; it measures nothing.

    python experiments/figures/zoo.py           # seconds, from experiments/claims/collapse.json

Writes zoo_detectors.png (AUC of every detector on every mechanism) beside its CSV, zoo_alarms.png (measured use over
training, with the alarms) and planning.png (counterfactual retrieval and success of planning, of every world model).
"""

import argparse
from pathlib import Path

from smcrep.report.figures.zoo import detector_table, retrieval_beside_planning, use_until_alarm
from smcrep.results import read_claims, write_table
from smcrep.script import run
from smcrep.zoo import MECHANISMS

ROOT = Path(__file__).parent.parent
AUC, CURVE, PLANNING = "collapse.auc.", "collapse.use_over_training.", "collapse.planning"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=Path, default=ROOT / "claims/collapse.json", help="records to draw")
    parser.add_argument("--figures", type=Path, default=ROOT / "figures", help="folder of the pictures")
    arguments = parser.parse_args()
    records = read_claims(arguments.claims)
    mechanisms = {name: records[AUC + name] for name in MECHANISMS if AUC + name in records}
    curves = {name.removeprefix(CURVE): record for name, record in records.items() if name.startswith(CURVE)}
    if not mechanisms:
        raise ValueError(f"{arguments.claims}: no records of mechanisms; run experiments/zoo.py first")
    detector_table(mechanisms, arguments.figures / "zoo_detectors.png")
    write_table(arguments.figures / "zoo_detectors.csv", "mechanism", mechanisms)
    if curves:
        use_until_alarm(curves, arguments.figures / "zoo_alarms.png")
    if PLANNING in records:
        retrieval_beside_planning(records[PLANNING], arguments.figures / "planning.png")


if __name__ == "__main__":
    run("figures/zoo", main)
