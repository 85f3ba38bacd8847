"""Pictures of the suite of fusion from its records; it measures nothing.

    python experiments/figures/fusion.py           # seconds, from experiments/claims/fusion.json

Writes fusion_cells.png (accuracy in every cell, and ours less the best of each sense alone, equal weights and the tuned
late-fusion transformer) and fusion_weights.png (weight of the sense at fault along its severity), each beside its CSV.
"""

import argparse
import csv
from pathlib import Path

from smcrep.evaluation.fusion_records import FEARED
from smcrep.files import atomic_write
from smcrep.report.figures.fusion import cell_table, weights
from smcrep.results import Record, read_claims
from smcrep.script import run

ROOT = Path(__file__).parent.parent
CELL = "fusion.cell."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=Path, default=ROOT / "claims/fusion.json", help="records to draw")
    parser.add_argument("--figures", type=Path, default=ROOT / "figures", help="folder of the pictures")
    arguments = parser.parse_args()
    records = read_claims(arguments.claims)
    cells = {name.removeprefix(CELL): record for name, record in records.items() if name.startswith(CELL)}
    if not cells:
        raise ValueError(f"{arguments.claims}: no records of cells; run experiments/fusion.py first")
    shown = {name: record for name, record in cells.items() if not name.startswith("all.")}
    singles = [name for name in next(iter(cells.values())).controls if name.startswith("only_")]
    cell_table(shown, [*singles, "equal", FEARED], arguments.figures / "fusion_cells.png")
    weights(shown, arguments.figures / "fusion_weights.png")
    write_csv(cells, arguments.figures / "fusion_cells.csv")


def write_csv(cells: dict[str, Record], path: Path) -> None:
    columns = list(next(iter(cells.values())).controls)
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["cell", "ours", *columns])
        for name, record in cells.items():
            table.writerow([name, record.value, *(record.controls.get(column, "") for column in columns)])


if __name__ == "__main__":
    run("figures/fusion", main)
