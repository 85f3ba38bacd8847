"""Figures that stand in prose without a record: shares, percentages, degrees, minutes, in digits or in words."""

import re
from collections.abc import Sequence

from smcrep.report.claims import BLOCK, ROWS, VALUE

_NOT_PROSE = (
    re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE),
    re.compile(r"(?<=\n\n)(?:(?: {4}|\t).*\n+)+"),
    BLOCK,
    ROWS,
    VALUE,
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"`[^`\n]*`"),
    re.compile(r"\]\([^)\s]*\)"),
    re.compile(r"https?://\S+|arXiv:\S+"),
)
_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|ninety"
_UNITS = r"(?:%|percent\b|°|degrees?\b|minutes?\b|hours?\b|seconds?\b|times\b|tenths?\b|thirds?\b)"
FIGURE = re.compile(
    rf"(?<![\w./-])(?:0?\.\d+(?![\w.]*\d)|(?:\d+(?:\.\d+)?|\b(?:{_WORDS}))(?=[ -]?{_UNITS}))", re.IGNORECASE
)


def bare_figures(text: str, allowed: Sequence[str] = ()) -> list[str]:
    """LINE: FIGURE in CONTEXT of each figure of a page of Markdown that stands neither in code, in a table or a value
    drawn from records, nor in one of the ``allowed`` phrases. ValueError for a phrase that the page does not have."""
    missing = [phrase for phrase in allowed if phrase not in text]
    if missing:
        raise ValueError(
            f"no words {missing[0]!r} on this page; take them from the list of figures that need no record"
        )
    for pattern in _NOT_PROSE:
        text = pattern.sub(_blank, text)
    for phrase in allowed:
        text = text.replace(phrase, _blanked(phrase))
    return [_shown(text, found) for found in FIGURE.finditer(text)]


def _blank(found: re.Match[str]) -> str:
    return _blanked(found.group())


def _blanked(text: str) -> str:
    """As many lines, so that those below keep their numbers."""
    return re.sub(r"[^\n]", " ", text)


def _shown(text: str, found: re.Match[str]) -> str:
    line = text.count("\n", 0, found.start()) + 1
    around = " ".join(text[max(0, found.start() - 25) : found.end() + 20].split())
    return f"{line}: {found.group()!r} in {around!r}"
