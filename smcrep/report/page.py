"""One self-contained page of a run: words, pictures and the records behind them, in a file that can be mailed."""

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from smcrep.results import Record, write_json

_CSS = """
body{font:15px/1.55 system-ui,sans-serif;color:#1b1f3b;max-width:62rem;margin:2.5rem auto;padding:0 1.2rem;
background:#fff}
h1{font-size:1.7rem;margin:0 0 .3rem}
h2{font-size:1.15rem;margin:2.4rem 0 .5rem;border-top:1px solid #e6e6ee;padding-top:1.3rem}
.lead{color:#4a4f6a;margin-top:0}figure{margin:1rem 0}figure img{max-width:100%;height:auto}
figcaption{color:#6b7088;font-size:.86rem}table{border-collapse:collapse;font-size:.86rem;width:100%}
th,td{text-align:left;padding:.28rem .7rem .28rem 0;border-bottom:1px solid #eee}td.n{font-variant-numeric:tabular-nums}
.verdict{display:inline-block;padding:.05rem .55rem;border-radius:.8rem;font-weight:600;background:#eee}
details{margin:.6rem 0}summary{cursor:pointer;color:#4a4f6a;font-size:.9rem}
.used{background:#d9efe2}.ignored{background:#f7dcdc}code{background:#f4f4f8;padding:.1rem .3rem;border-radius:.2rem}
"""


@dataclass(frozen=True)
class Section:
    """A heading, paragraphs in words, pictures (path, caption) and, folded away, the records they are drawn from."""

    title: str
    words: Sequence[str] = ()
    pictures: Sequence[tuple[Path, str]] = ()
    records: Mapping[str, Record] = field(default_factory=dict)
    verdicts: Mapping[str, str] = field(default_factory=dict)


def write_page(folder: Path, title: str, lead: str, sections: Sequence[Section]) -> Path:
    """Writes report.json (everything in words and numbers) and report.html (the same with pictures inside).

    Raises ValueError where a picture is missing: a page with a hole in it is not written."""
    missing = [str(path) for s in sections for path, _ in s.pictures if not path.is_file()]
    if missing:
        raise ValueError(f"{folder}/report.html: no picture at {', '.join(missing)}; run the experiment that draws it")
    write_json(
        folder / "report.json", {"title": title, "lead": lead, "sections": [_plain(s, folder) for s in sections]}
    )
    body = "".join(_section(s) for s in sections)
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<title>{html.escape(title)}</title><style>{_CSS}</style></head><body>"
        f'<h1>{html.escape(title)}</h1><p class="lead">{html.escape(lead)}</p>{body}</body></html>\n'
    )
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _plain(section: Section, folder: Path) -> dict:
    return {
        "title": section.title,
        "words": list(section.words),
        "pictures": [[str(path.relative_to(folder)), caption] for path, caption in section.pictures],
        "records": {name: asdict(record) for name, record in section.records.items()},
        "verdicts": dict(section.verdicts),
    }


def _section(section: Section) -> str:
    verdicts = "".join(
        f'<p>{html.escape(signal)}: <span class="verdict {html.escape(verdict)}">{html.escape(verdict)}</span></p>'
        for signal, verdict in section.verdicts.items()
    )
    words = "".join(f"<p>{html.escape(text)}</p>" for text in section.words)
    pictures = "".join(
        f'<figure><img alt="{html.escape(caption)}" src="data:image/png;base64,'
        f'{base64.b64encode(path.read_bytes()).decode()}"><figcaption>{html.escape(caption)}</figcaption></figure>'
        for path, caption in section.pictures
    )
    return f"<h2>{html.escape(section.title)}</h2>{verdicts}{words}{pictures}{_table(section.records)}"


def _table(records: Mapping[str, Record]) -> str:
    if not records:
        return ""
    rows = "".join(
        f'<tr><td>{html.escape(name)}</td><td class="n">{number(r.value)}</td>'
        f'<td class="n">{"" if r.ci95 is None else f"{number(r.ci95[0])} to {number(r.ci95[1])}"}</td>'
        f'<td class="n">{r.n}</td><td>{html.escape(controls(r))}</td></tr>'
        for name, r in records.items()
    )
    head = "".join(f"<th>{name}</th>" for name in ("measure", "value", "95 % interval", "n", "beside it"))
    count = f"{len(records)} record{'s' if len(records) > 1 else ''}"
    return f"<details><summary>{count}</summary><table><tr>{head}</tr>{rows}</table></details>"


def number(value: float) -> str:
    """Three significant digits, without exponents in the range that reports use."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def controls(record: Record) -> str:
    return ", ".join(
        f"{k.replace('_', ' ')} {number(v) if isinstance(v, float) else v}" for k, v in record.controls.items()
    )
