"""Are the committed figures whole, and do the README and the pages of docs say what they say?

    python experiments/check_claims.py            # reads every record; exit 1 where a page or a record is off
    python experiments/check_claims.py --write    # draws the tables of all pages anew from the records

A table stands between <!-- claims THEME: NAME NAME ... --> (of harms: <!-- harms THEME: NAME ... -->) and <!-- end -->;
only this script writes there. A name may be a pattern, as ``growth.*``. docs/results.md has every record. Seconds.
A table in the words of papers stands below <!-- rows THEME, one row a line, and -->:

    metric in words = RECORD ; peer in words = RECORD ; another peer = RECORD@CONTROL
"""

import argparse
import re
from fnmatch import fnmatchcase
from pathlib import Path

from smcrep import script
from smcrep.report.page import controls, number
from smcrep.results import Record, read_claims

ROOT = Path(__file__).parent.parent
HIDDEN = ("_low", "_high", "_read", "_by_seed", "each_seed")  # ends of intervals, details of a choice: in the file
BLOCK = re.compile(r"(<!-- (claims|harms) (\w+): ([^>]*?) -->\n).*?(<!-- end -->)", re.DOTALL)
ROWS = re.compile(r"(<!-- rows (\w+)\n(.*?)\n-->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="draw the tables of all pages anew")
    arguments = parser.parse_args()
    themes = {path.stem: read_claims(path) for path in sorted((ROOT / "experiments/claims").glob("*.json"))}
    faults = [f"{theme}: {name}: {fault}" for theme, c in themes.items() for name, r in c.items() for fault in wrong(r)]
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text, name = page.read_text(encoding="utf-8"), page.relative_to(ROOT)
        drawn = BLOCK.sub(lambda found, name=name: table(found, themes, str(name)), text)
        drawn = ROWS.sub(lambda found, name=name: rows(found, themes, str(name)), drawn)
        if arguments.write and drawn != text:
            page.write_text(drawn, encoding="utf-8")
        elif drawn != text:
            faults.append(f"{name}: a table differs from its records; run: python experiments/check_claims.py --write")
    faults += unlisted(themes)
    if faults:
        raise ValueError("\n".join(faults))
    print(f"{sum(map(len, themes.values()))} records in {len(themes)} themes are whole, and the pages agree")


def wrong(record: Record) -> list[str]:
    missing = [name for name in ("command", "commit", "machine") if not getattr(record, name)]
    found = [f"has no {name}; make it again with the experiment that owns it" for name in missing]
    return found + (["was made from changed files; commit, then make it again"] if "dirty" in record.commit else [])


def unlisted(themes: dict[str, dict[str, Record]]) -> list[str]:
    """Records that the page of results does not have."""
    blocks = BLOCK.findall((ROOT / "docs/results.md").read_text(encoding="utf-8"))
    listed = {(theme, name) for _, _, theme, names, _ in blocks for name in matching(names, themes.get(theme, {}))}
    missing = [
        f"{theme}: {name}" for theme, records in themes.items() for name in records if (theme, name) not in listed
    ]
    return [f"docs/results.md: has no table with {name}; add it to a block there" for name in missing]


def matching(names: str, records: dict[str, Record]) -> list[str]:
    """The names of a block, patterns replaced by the names that they match: in alphabetic order, numbers by value."""

    def order(name: str) -> list[tuple[str, int]]:
        return [(words, int(digits or 0)) for words, digits in re.findall(r"(\D*)(\d*)", name)]

    found = [[name] if "*" not in name else [r for r in records if fnmatchcase(r, name)] for name in names.split()]
    return [name for some in found for name in sorted(some, key=order)]


def table(found: re.Match[str], themes: dict[str, dict[str, Record]], page: str) -> str:
    begin, kind, theme, names, end = found.groups()
    claims = kind == "claims"
    lines = ["| | value | 95 % | beside it |" if claims else "| what was done | what the user sees | what was lost |"]
    lines.append("|---" * lines[0].count(" | ") + "|---|")
    for name in matching(names, themes.get(theme, {})):
        if name not in themes.get(theme, {}):
            raise ValueError(f"{page}: no record {name!r} in experiments/claims/{theme}.json")
        r = themes[theme][name]
        interval = "" if r.ci95 is None else f"{number(r.ci95[0])} – {number(r.ci95[1])}"
        if claims:
            lines.append(f"| `{name}` | {number(r.value)} | {interval} | {controls(shown(r))} |")
        else:
            lines.append("| {harm} | `{seen}` | {lost} |".format(**r.controls))
    return begin + "\n".join(lines) + "\n" + end


def rows(found: re.Match[str], themes: dict[str, dict[str, Record]], page: str) -> str:
    """Metric, ours, and what stands beside it, in words; values with their intervals."""
    begin, theme, text, end = found.groups()
    lines = ["| metric | ours | beside it |", "|---|---|---|"]
    for row in text.splitlines():
        cells = [cell.split(" = ") for cell in row.split(" ; ")]
        values = [(words.strip(), looked_up(name.strip(), themes.get(theme, {}), page)) for words, name in cells]
        (metric, ours), *peers = values
        lines.append(f"| {metric} | **{ours}** | {', '.join(f'{words} {value}' for words, value in peers)} |")
    return begin + "\n".join(lines) + "\n" + end


def looked_up(name: str, records: dict[str, Record], page: str) -> str:
    """Value and interval of a record, or of one of its controls (NAME@CONTROL)."""
    name, _, control = name.partition("@")
    if name not in records or (control and control not in records[name].controls):
        raise ValueError(f"{page}: no record {name!r}{f' with a control {control!r}' if control else ''}")
    record = records[name]
    if not control:
        return interval(record.value, record.ci95)
    value, low, high = (record.controls.get(f"{control}{end}") for end in ("", "_low", "_high"))
    if isinstance(value, str):
        return value
    assert value is not None
    return interval(value, None if low is None or high is None else (low, high))


def interval(value: float, ci95: tuple[float, float] | None) -> str:
    return number(value) if ci95 is None else f"{number(value)} [{number(ci95[0])}, {number(ci95[1])}]"


def shown(record: Record) -> Record:
    """Without the controls that only the file needs."""
    kept = {k: v for k, v in record.controls.items() if not k.endswith(HIDDEN)}
    return Record(record.value, record.ci95, controls=kept)


if __name__ == "__main__":
    script.run("check_claims", main)
