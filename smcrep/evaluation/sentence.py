"""A record as a line for readers: the value, its 95 % interval, and what it is compared with."""

from collections.abc import Callable

from smcrep.results import Record


def percent(words: str, record: Record, *beside: str) -> str:
    """``words``: 85.6 % [84.5, 86.6] (chance 6.7, untrained 27.3). beside: names of controls; those that the record
    lacks are left out."""
    return _line(words, record, beside, " %", lambda share: f"{100 * share:.1f}")


def plain(words: str, record: Record, *beside: str, unit: str = "") -> str:
    """The same in the record's own numbers, three digits each; ``unit`` follows the value."""
    return _line(words, record, beside, f" {unit}" if unit else "", lambda value: f"{value:.3g}")


def _line(words: str, record: Record, beside: tuple[str, ...], unit: str, number: Callable[[float], str]) -> str:
    interval = f" [{number(record.ci95[0])}, {number(record.ci95[1])}]" if record.ci95 else ""
    controls = {name: record.controls[name] for name in beside if name in record.controls}
    shown = [f"{n.replace('_', ' ')} {c if isinstance(c, str) else number(c)}" for n, c in controls.items()]
    return f"{words}: {number(record.value)}{unit}{interval}" + (f" ({', '.join(shown)})" if shown else "")
