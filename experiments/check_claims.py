"""Are the committed figures whole, and does the README say what they say?

    python experiments/check_claims.py            # reads every record; exit 1 where README or a record is off
    python experiments/check_claims.py --write    # draws the README's tables anew from the records

A table in the README stands between <!-- claims THEME: NAME NAME ... --> (of harms: <!-- harms THEME: NAME ... -->) and
<!-- end -->; only this script writes there. Seconds.
"""

import argparse
import re
from pathlib import Path

from smcrep import script
from smcrep.report.page import controls, number
from smcrep.results import Record, read_claims

ROOT = Path(__file__).parent.parent
HIDDEN = ("_low", "_high", "_read", "_by_seed", "each_seed")  # ends of intervals, details of a choice: in the file
BLOCK = re.compile(r"(<!-- (claims|harms) (\w+): ([^>]*?) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    themes = {path.stem: read_claims(path) for path in sorted((ROOT / "experiments/claims").glob("*.json"))}
    faults = [f"{theme}: {name}: {fault}" for theme, c in themes.items() for name, r in c.items() for fault in wrong(r)]
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    drawn = BLOCK.sub(lambda found: table(found, themes), text)
    if arguments.write:
        readme.write_text(drawn, encoding="utf-8")
    elif drawn != text:
        faults.append("README.md: a table differs from its records; run: python experiments/check_claims.py --write")
    if faults:
        raise ValueError("\n".join(faults))
    print(f"{sum(map(len, themes.values()))} records in {len(themes)} themes are whole, and the README agrees")


def wrong(record: Record) -> list[str]:
    missing = [name for name in ("command", "commit", "machine") if not getattr(record, name)]
    found = [f"has no {name}; make it again with the experiment that owns it" for name in missing]
    return found + (["was made from changed files; commit, then make it again"] if "dirty" in record.commit else [])


def table(found: re.Match[str], themes: dict[str, dict[str, Record]]) -> str:
    begin, kind, theme, names, end = found.groups()
    claims = kind == "claims"
    lines = ["| | value | 95 % | beside it |" if claims else "| what was done | what the user sees | what was lost |"]
    lines.append("|---" * lines[0].count(" | ") + "|---|")
    for name in names.split():
        if name not in themes.get(theme, {}):
            raise ValueError(f"README.md: no record {name!r} in experiments/claims/{theme}.json")
        r = themes[theme][name]
        interval = "" if r.ci95 is None else f"{number(r.ci95[0])} – {number(r.ci95[1])}"
        if claims:
            lines.append(f"| `{name}` | {number(r.value)} | {interval} | {controls(shown(r))} |")
        else:
            lines.append("| {harm} | `{seen}` | {lost} |".format(**r.controls))
    return begin + "\n".join(lines) + "\n" + end


def shown(record: Record) -> Record:
    """Without the controls that only the file needs."""
    kept = {k: v for k, v in record.controls.items() if not k.endswith(HIDDEN)}
    return Record(record.value, record.ci95, controls=kept)


if __name__ == "__main__":
    script.run("check_claims", main)
