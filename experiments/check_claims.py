"""Are the records as their experiments left them, and do the README and the pages of docs say what they say?

    python experiments/check_claims.py            # reads every record; exit 1 where a page or a record is off
    python experiments/check_claims.py --write    # draws tables and figures of all pages anew from the records

A record is off where a field was changed by hand, where it differs from the cells it was made from, where its commit is
not in the history or was dirty, where it names a place of one machine, or where its command names a script or an option
that is not there. A page is off where a table or a value differs from its record, where a figure stands in prose
without one, where docs/results.md lacks a record, and where a picture is older than the records it was drawn from. How
tables and values are written stands in smcrep/report/claims.py. Records made by training code that has changed since
are listed and marked, not refused: their commands make them again, unless `tiny.py --unchanged` shows that the changes
change no number. Two minutes.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path

from smcrep import script
from smcrep.provenance import History, command_faults
from smcrep.report.claims import STALE, Themes, drawn, listed
from smcrep.report.page import number
from smcrep.report.prose import bare_figures
from smcrep.results import Record, read_claims, sealed

ROOT = Path(__file__).parent.parent
PICTURES = {
    "ablations.png": ("ablations", "*"),
    "cifar10.png": ("cifar10", "*"),
    "cures.png": ("collapse", "collapse.cure.*.*"),
    "fusion_cells.png": ("fusion", "fusion.cell.*"),
    "fusion_weights.png": ("fusion", "fusion.cell.*"),
    "fusion_outcomes.png": ("fusion_outcomes", "fusion.outcome.cell.*"),
    "generalisation_ablations.png": ("generalisation", "variant.*"),
    "generalisation_encoders.png": ("generalisation", "pretrained.*"),
    "generalisation_environments.png": ("generalisation", "*_drop"),
    "generalisation_laws.png": ("generalisation", "law.*"),
    "generalisation_modelnet10.png": ("generalisation", "modelnet10.10way*"),
    "generalisation_physics.png": ("generalisation", "physics.*"),
    "growth.png": ("speed", "growth.*"),
    "planning.png": ("collapse", "collapse.planning"),
    "tabletop.png": ("vla", "tabletop.*"),
    "zoo_alarms.png": ("collapse", "collapse.use_over_training.*"),
    "zoo_detectors.png": ("collapse", "collapse.auc.*"),
}
"""Picture in experiments/figures -> the records that it shows."""
PLACE = re.compile(r"(?<![\w.])/(?:root|home|Users|tmp|mnt|work)/[^\s\"']+")
"""Where something lies on one machine."""
ALLOWED = {
    "README.md": ("LeRobot 0.6", "95 % intervals"),
    "docs/guides/extract.md": ("LeRobot 0.6",),
    "docs/guides/own_data.md": ("before 0.2", "more than 1 % of its area"),
    "docs/results.md": ("its 95 % interval", "version 0.2"),
}
"""Page -> words whose figures are no results."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="draw tables and figures of all pages anew")
    arguments = parser.parse_args()
    themes, history = read_themes(ROOT), History(ROOT)
    stale = stale_records(themes, history)
    if arguments.write:
        for page in pages(ROOT):
            page.write_text(drawn(page.read_text(encoding="utf-8"), themes, stale.keys()), encoding="utf-8")
    groups = Counter((theme, themes[theme][name].command, module) for (theme, name), module in stale.items())
    for (theme, command, module), count in groups.items():
        print(f"stale: {theme}: {count} records; {module} has changed since; run: {command}")
    if found := faults(ROOT, themes, history):
        raise ValueError("\n".join(found))
    print(f"{sum(map(len, themes.values()))} records in {len(themes)} themes are whole, and the pages agree")
    print(f"{len(stale)} of them were made by training code that has changed since")


def read_themes(root: Path) -> Themes:
    return {path.stem: read_claims(path) for path in sorted((root / "experiments/claims").glob("*.json"))}


def pages(root: Path) -> list[Path]:
    return [root / "README.md", *sorted(p for p in (root / "docs").rglob("*.md") if "_build" not in p.parts)]


def stale_records(themes: Themes, history: History) -> dict[tuple[str, str], str]:
    """(theme, name) -> a module that has changed since one of its commits. None without the history."""
    if not history.is_whole():
        return {}
    found = {}
    for theme, records in themes.items():
        for name, record in records.items():
            commits = [c for c in dict.fromkeys((record.commit, *record.commits)) if history.has(c)]
            changed = [] if command_faults(history.root, record.command) else commits
            module = next((m for m in (history.changed(record.command, c) for c in changed) if m), None)
            if module:
                found[theme, name] = module
    return found


def faults(root: Path, themes: Themes, history: History) -> list[str]:
    """One line each."""
    found = [
        f"{theme}: {name}: {fault}"
        for theme, records in themes.items()
        for name, record in records.items()
        for fault in wrong(root, record, history)
    ]
    found += [f"generalisation: {line}" for line in unlike_cells(root, themes.get("generalisation", {}))]
    for page in pages(root):
        found += [f"{page.relative_to(root)}: {fault}" for fault in page_faults(root, page, themes)]
    if history.is_whole():
        found += list(older_pictures(root, themes))
    return found


def wrong(root: Path, record: Record, history: History) -> list[str]:
    found = [
        f"has no {name}; make it again with the experiment that owns it"
        for name in ("command", "commit", "machine", "seal")
        if not getattr(record, name)
    ]
    if record.seal and record.seal != sealed(record).seal:
        found.append("was changed by hand (its seal differs); run its command again")
    if place := PLACE.search(json.dumps(asdict(record))):
        found.append(f"names a place of one machine, {place[0]!r}; leave it out where the record is made")
    for commit in dict.fromkeys((record.commit, *record.commits)):
        if "dirty" in commit:
            found.append("was made from changed files; commit, then make it again")
        elif commit and history.is_whole() and not history.has(commit):
            found.append(f"names the commit {commit}, which is not in this history; make it again")
    return found + (command_faults(root, record.command) if record.command else [])


def unlike_cells(root: Path, records: Mapping[str, Record]) -> list[str]:
    """Records that differ from what experiments/figures/generalisation.py makes of the cells (value, interval, seeds,
    objects, controls, commits), and those that it does not make."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["experiments/figures/generalisation.py", "--claims", f"{folder}/c.json", "--no-pictures"]
        done = subprocess.run([sys.executable, *command], cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:
            return [f"{command[0]} fails: {done.stderr.strip().splitlines()[-1]}"]
        made = read_claims(Path(folder) / "c.json")
    off = [name for name in {**made, **records} if made.get(name) != records.get(name)]
    return [f"{name}: is not what the cells give; run: python {command[0]}" for name in off]


def page_faults(root: Path, page: Path, themes: Themes) -> Iterator[str]:
    text, name = page.read_text(encoding="utf-8"), page.relative_to(root).as_posix()
    try:
        # Which records are stale depends on today's code, so a mark that is missing makes no page wrong.
        if drawn(text, themes).replace(STALE, "") != text.replace(STALE, ""):
            yield "a table or a value differs from its records; run: python experiments/check_claims.py --write"
        for figure in bare_figures(text, ALLOWED.get(name, ())):
            yield f"{figure} has no record; write it as <!-- value THEME: NAME -->...<!-- /value -->, or take it out"
        if name == "docs/results.md":
            shown = listed(text, themes)
            for theme, record in ((t, r) for t, records in themes.items() for r in records if (t, r) not in shown):
                yield f"has no table with {theme}: {record}; add it to a block there"
    except ValueError as error:
        yield str(error)


def older_pictures(root: Path, themes: Themes) -> Iterator[str]:
    """Pictures whose records have other values now than in the commit that the picture is of."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False).stdout

    for picture, (theme, pattern) in PICTURES.items():
        path = f"experiments/figures/{picture}"
        of = git("log", "-1", "--format=%H", "--", path).strip()
        if not of or git("status", "--porcelain", "--", path):
            continue  # drawn just now, and not committed yet
        then = json.loads(git("show", f"{of}:experiments/claims/{theme}.json") or '{"claims": {}}')["claims"]
        now = {name: record for name, record in themes.get(theme, {}).items() if fnmatchcase(name, pattern)}
        moved = [name for name, r in now.items() if name not in then or _seen(asdict(r)) != _seen(then[name])]
        if moved:
            yield f"{path}: is older than {theme}: {moved[0]}; draw it again"


def _seen(fields: dict) -> list[str]:
    """What a picture can show of a record: three digits of its value and of the ends of its interval."""
    return [number(x) for x in (fields["value"], *(fields["ci95"] or ()))]


if __name__ == "__main__":
    script.run("check_claims", main)
