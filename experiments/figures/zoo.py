"""Pictures of the zoo of planted collapse from its records; it measures nothing.

    python experiments/figures/zoo.py           # seconds, from experiments/claims/collapse.json

Writes zoo_detectors.png (AUC of every detector on every mechanism) beside its CSV, and zoo_alarms.png (measured use
over training, with the alarms).
"""

import argparse
import csv
from pathlib import Path

from smcrep.files import atomic_write
from smcrep.report.figures.zoo import detector_table, use_until_alarm
from smcrep.results import Record, read_claims
from smcrep.script import run
from smcrep.zoo import MECHANISMS

ROOT = Path(__file__).parent.parent
AUC, CURVE = "collapse.auc.", "collapse.use_over_training."


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
    write_csv(mechanisms, arguments.figures / "zoo_detectors.csv")
    if curves:
        use_until_alarm(curves, arguments.figures / "zoo_alarms.png")


def write_csv(mechanisms: dict[str, Record], path: Path) -> None:
    columns = list(next(iter(mechanisms.values())).controls)
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["mechanism", "ours", *columns])
        for name, record in mechanisms.items():
            table.writerow([name, record.value, *(record.controls.get(column, "") for column in columns)])


if __name__ == "__main__":
    run("figures/zoo", main)
