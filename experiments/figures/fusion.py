"""Pictures of the suite of fusion from its records; it measures nothing.

    python experiments/figures/fusion.py           # seconds, from experiments/claims/fusion.json

Writes fusion_cells.png (accuracy in every cell, and ours less the best of each sense alone, equal weights and the tuned
late-fusion transformer) and fusion_weights.png (weight of the sense at fault along its severity), each beside its CSV;
from the records of experiments/fusion_outcomes.py, fusion_outcomes.png, the same table of outcomes.
"""

import argparse
from pathlib import Path

from smcrep.evaluation.fusion_records import FEARED
from smcrep.report.figures.fusion import cell_table, weights
from smcrep.results import Record, read_claims, write_table
from smcrep.script import run

ROOT = Path(__file__).parent.parent
CELL, OUTCOME_CELL = "fusion.cell.", "fusion.outcome.cell."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=Path, default=ROOT / "claims/fusion.json", help="records to draw")
    parser.add_argument("--outcomes", type=Path, help="records of outcomes (default: fusion_outcomes.json beside them)")
    parser.add_argument("--figures", type=Path, default=ROOT / "figures", help="folder of the pictures")
    arguments = parser.parse_args()
    cells = cells_of(arguments.claims, CELL)
    if not cells:
        raise ValueError(f"{arguments.claims}: no records of cells; run experiments/fusion.py first")
    shown = {name: record for name, record in cells.items() if not name.startswith("all.")}
    singles = [name for name in next(iter(cells.values())).controls if name.startswith("only_")]
    cell_table(shown, [*singles, "equal", FEARED], arguments.figures / "fusion_cells.png")
    weights(shown, arguments.figures / "fusion_weights.png")
    write_table(arguments.figures / "fusion_cells.csv", "cell", cells)
    path = arguments.outcomes or arguments.claims.with_name("fusion_outcomes.json")
    if path.is_file():
        outcomes = cells_of(path, OUTCOME_CELL)
        cell_table(outcomes, [*singles, "equal"], arguments.figures / "fusion_outcomes.png")
        write_table(arguments.figures / "fusion_outcomes.csv", "cell", outcomes)


def cells_of(path: Path, prefix: str) -> dict[str, Record]:
    return {name.removeprefix(prefix): record for name, record in read_claims(path).items() if name.startswith(prefix)}


if __name__ == "__main__":
    run("figures/fusion", main)
