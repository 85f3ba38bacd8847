"""Records on pages of Markdown: tables and figures in prose, drawn between markers.

    <!-- claims THEME: NAME NAME ... --> ... <!-- end -->     a table of records; of harms: <!-- harms THEME: ... -->
    <!-- rows THEME, one row a line --> ... <!-- end -->      metric in words = RECORD ; peer in words = RECORD@CONTROL
    <!-- value THEME: NAME -->.78<!-- /value -->              in prose; NAME@CONTROL, NAME@minutes; "as percent" ...

A name may be a pattern, as ``growth.*``. A record made by code that has changed since has the mark `STALE` in tables.
"""

import re
from collections.abc import Mapping, Set
from fnmatch import fnmatchcase

from smcrep.report.page import controls, number
from smcrep.results import Record

Themes = Mapping[str, Mapping[str, Record]]
"""theme -> name -> record."""
STALE = " †"
HIDDEN = ("_low", "_high", "_read", "_by_seed", "each_seed")
"""Ends of controls that only the file needs: of intervals, details of a choice."""
HIDDEN_HEADS = ("of_",)
"""Beginnings of others: single objects."""
LONG = 12
"""Items of a list that a table still shows."""
BLOCK = re.compile(r"(<!-- (claims|harms) (\w+): ([^>]*?) -->\n).*?(<!-- end -->)", re.DOTALL)
ROWS = re.compile(r"(<!-- rows (\w+)\n(.*?)\n-->\n).*?(<!-- end -->)", re.DOTALL)
VALUE = re.compile(r"(<!-- value ([a-z]\w*): (\S+?)(?: as (\w+))? -->)(.*?)(<!-- /value -->)")


def drawn(text: str, themes: Themes, stale: Set[tuple[str, str]] = frozenset()) -> str:
    """The page with every table and figure as the records have them. stale: (theme, name) that get the mark. ValueError
    where a marker names no theme, no record or no form."""
    text = BLOCK.sub(lambda found: _table(found, themes, stale), text)
    text = ROWS.sub(lambda found: _rows(found, themes), text)
    return VALUE.sub(lambda found: _value(found, themes), text)


def listed(text: str, themes: Themes) -> set[tuple[str, str]]:
    """(theme, name) of every record in a table of the page."""
    found = BLOCK.findall(text)
    return {(theme, name) for _, _, theme, names, _ in found for name in matching(names, _theme(theme, themes))}


def matching(names: str, records: Mapping[str, Record]) -> list[str]:
    """The names of a block, patterns replaced by the names that they match: in alphabetic order, numbers by value.
    ValueError for a pattern without any."""

    def order(name: str) -> list[tuple[str, int]]:
        return [(words, int(digits or 0)) for words, digits in re.findall(r"(\D*)(\d*)", name)]

    found = []
    for name in names.split():
        some = [r for r in records if fnmatchcase(r, name)] if "*" in name else [name]
        if not some:
            raise ValueError(f"no record matches {name!r}; take it out, or make its records")
        found += sorted(some, key=order)
    return found


def prose(value: float, form: str | None) -> str:
    """share (or None): .78; percent: 78 %; whole: 78; number: three significant digits."""
    if form in (None, "share"):
        return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.2f}"
    if form == "percent":
        return f"{100 * value:.0f} %"
    if form == "whole":
        return f"{value:.0f}"
    if form == "number":
        return number(value)
    raise ValueError(f"no form {form!r} of a value; give share, percent, whole or number")


def _theme(name: str, themes: Themes) -> Mapping[str, Record]:
    if name not in themes:
        raise ValueError(f"no theme {name!r}; experiments/claims has {', '.join(themes)}")
    return themes[name]


def _table(found: re.Match[str], themes: Themes, stale: Set[tuple[str, str]]) -> str:
    begin, kind, theme, names, end = found.groups()
    records, claims = _theme(theme, themes), kind == "claims"
    lines = ["| | value | 95 % | beside it |" if claims else "| what was done | what the user sees | what was lost |"]
    lines.append("|---" * lines[0].count(" | ") + "|---|")
    for name in matching(names, records):
        if name not in records:
            raise ValueError(f"no record {name!r} in experiments/claims/{theme}.json")
        r = records[name]
        interval = "" if r.ci95 is None else f"{number(r.ci95[0])} – {number(r.ci95[1])}"
        mark = STALE if (theme, name) in stale else ""
        if claims:
            lines.append(f"| `{name}`{mark} | {number(r.value)} | {interval} | {controls(shown(r))} |")
        else:
            lines.append("| {harm} | `{seen}` | {lost} |".format(**r.controls))
    return begin + "\n".join(lines) + "\n" + end


def _rows(found: re.Match[str], themes: Themes) -> str:
    """Metric, ours, and what stands beside it, in words; values with their intervals."""
    begin, theme, text, end = found.groups()
    lines = ["| metric | ours | beside it |", "|---|---|---|"]
    for row in text.splitlines():
        cells = [cell.split(" = ") for cell in row.split(" ; ")]
        values = [(words.strip(), _with_interval(name.strip(), _theme(theme, themes))) for words, name in cells]
        (metric, ours), *peers = values
        lines.append(f"| {metric} | **{ours}** | {', '.join(f'{words} {value}' for words, value in peers)} |")
    return begin + "\n".join(lines) + "\n" + end


def _value(found: re.Match[str], themes: Themes) -> str:
    begin, theme, name, form, _, end = found.groups()
    value = _looked_up(name, _theme(theme, themes))[0]
    return begin + (value if isinstance(value, str) else prose(value, form)) + end


def _looked_up(name: str, records: Mapping[str, Record]) -> tuple[float | str, tuple[float, float] | None]:
    """Value and interval of a record, of one of its controls (NAME@CONTROL), or its minutes (NAME@minutes)."""
    name, _, control = name.partition("@")
    if name in records and control == "minutes":
        return records[name].minutes, None
    if name not in records or (control and control not in records[name].controls):
        raise ValueError(f"no record {name!r}{f' with a control {control!r}' if control else ''}")
    record = records[name]
    if not control:
        return record.value, record.ci95
    value, low, high = (record.controls.get(f"{control}{end}") for end in ("", "_low", "_high"))
    assert value is not None
    return value, None if low is None or high is None else (low, high)


def _with_interval(name: str, records: Mapping[str, Record]) -> str:
    value, ci95 = _looked_up(name, records)
    if isinstance(value, str):
        return value
    return number(value) if ci95 is None else f"{number(value)} [{number(ci95[0])}, {number(ci95[1])}]"


def shown(record: Record) -> Record:
    """Without the controls that only the file or a picture needs: a list that is longer than a line, too."""
    kept = {k: v for k, v in record.controls.items() if not (k.endswith(HIDDEN) or k.startswith(HIDDEN_HEADS))}
    kept = {k: v for k, v in kept.items() if not (isinstance(v, list) and len(v) > LONG)}
    return Record(record.value, record.ci95, controls=kept)
