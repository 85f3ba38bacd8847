"""The docstrings of this package as reStructuredText.

They are plain text: a sentence, paragraphs, tables of aligned columns, indented formulas and commands, `name` for code.

    paragraph          escaped, so that no stray asterisk or bar means anything; *emphasis* and **strong** stay
    name    text       rows whose columns are two spaces or more apart become a definition list
    indented lines     a literal block, unless they are rows of a table; so are paragraphs that are Python
    `name`             a link where ``resolve`` knows the name, else code
    arXiv:2002.05709   a link to the page of references where the number is in ``cited``
    >>> lines          stay as they are, and are run by the doctest builder
"""

import ast
import re
from collections.abc import Callable, Collection, Sequence

Resolve = Callable[[str], str | None]

ROW = re.compile(r"(\S(?:.{0,60}?[^\s.;:])?) {2,}(?![#=])(\S.*)")
NAMES = re.compile(r"[\w.*]+(?:(?:, | / )[\w.*]+)*")
ONE_NAME = re.compile(r"[\w.*/<>()\[\]:-]+")
INLINE = re.compile(
    r"``(?P<code>[^`]+)``"
    r"|`(?P<name>[^`]+)`"
    r"|(?<![\w*])(?P<emphasis>\*\*?[A-Za-z](?:[\w ,'-]*\w)?\*\*?)(?![\w*])"
    r"|(?P<paper>arXiv:\d{4}\.\d{4,5})"
)
BEFORE, AFTER = "\0 ([{<-/:'\"", " .,:;!?)]}>-/'\""  # what may stand beside inline markup


def to_rst(lines: Sequence[str], resolve: Resolve = lambda name: None, cited: Collection[str] = ()) -> list[str]:
    """The lines of one docstring, whose margin is 0, as lines of reStructuredText."""

    def text(words: str) -> str:
        return inline(words, resolve, cited)

    out: list[str] = []
    i = 0
    while i < len(lines):
        line = lines[i]
        if not line.strip():
            i += 1
        elif line.lstrip().startswith(">>>"):
            end = _until(lines, i, lambda other: not other.strip())
            out += [other.strip() if other.startswith(" ") else other for other in lines[i:end]] + [""]
            i = end
        elif _starts_row(lines, i):
            rows, i = _table(lines, i)
            out += definition_list([(name, text(words)) for name, words in rows])
        elif _indent(line):
            end = _until(lines, i, lambda other: bool(other.strip()) and not _indent(other))
            out += _literal(lines[i:end])
            i = end
        elif code := _code(lines, i):
            out += [".. code-block:: python", "", *(f"    {other}".rstrip() for other in code), ""]
            i += len(code)
        else:
            item = re.match(r"[-*] (?=\S)", line)
            end = _end_of_paragraph(lines, i + 1, indented=bool(item))
            words = " ".join(other.strip() for other in lines[i:end])
            out += [item[0] + text(words[2:]) if item else text(words), ""]
            i = end
    return out


def definition_list(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Names in the margin, each with its text (reStructuredText already) below."""
    out = [".. rst-class:: rows", ""]
    for names, words in rows:
        out += [term(names), f"    {words}"]
    return [*out, ""]


def term(names: str) -> str:
    """What stands in the first column: each name as code, anything else as words."""
    parts = re.split(r"(, | / )", names)
    return "".join(
        part if part in (", ", " / ") else f"``{part}``" if ONE_NAME.fullmatch(part) else escape(part) for part in parts
    )


def inline(words: str, resolve: Resolve, cited: Collection[str] = ()) -> str:
    """Words of one paragraph, on one line, with their code and links."""
    words = re.sub(r"^(?=[-+/:]|\.\.|[(]?\w{1,4}[.)] )", "\0", words)  # would begin a list, a field or an option
    out, done = "", 0
    for found in INLINE.finditer(words):
        out += escape(words[done : found.start()])
        before, after = words[: found.start()][-1:], words[found.end() :][:1]
        out += "" if before in BEFORE else "\\ "
        out += _marked(found, resolve, cited)
        out += "" if after in AFTER else "\\ "
        done = found.end()
    return re.sub(r"::$", r":\:", out + escape(words[done:])).replace("\0", "\\", 1)


def _marked(found: re.Match[str], resolve: Resolve, cited: Collection[str]) -> str:
    if found["paper"]:
        number = found["paper"].removeprefix("arXiv:")
        return f":ref:`arXiv:{number} <{label(number)}>`" if number in cited else found["paper"]
    if found["emphasis"]:
        return found["emphasis"]
    if found["name"]:
        target = resolve(found["name"])
        return f":py:obj:`{found['name']} <{target}>`" if target else f"``{found['name']}``"
    return f"``{found['code']}``"


def label(number: str) -> str:
    """The anchor of a paper on the page of references."""
    return "arxiv-" + number.replace(".", "-")


def escape(words: str) -> str:
    return re.sub(r"[\\*`|@]|_(?!\w)", r"\\\g<0>", words)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _until(lines: Sequence[str], start: int, stop: Callable[[str], bool]) -> int:
    return next((i for i in range(start, len(lines)) if stop(lines[i])), len(lines))


def _end_of_paragraph(lines: Sequence[str], start: int, *, indented: bool) -> int:
    return _until(lines, start, lambda line: not line.strip() or bool(_indent(line)) != indented)


def _starts_row(lines: Sequence[str], i: int) -> bool:
    """A name and its text, or names alone above a text that is indented further."""
    if ROW.fullmatch(lines[i].strip()):
        return True
    below = lines[i + 1] if i + 1 < len(lines) else ""
    return bool(NAMES.fullmatch(lines[i].strip())) and bool(below.strip()) and _indent(below) > _indent(lines[i])


def _table(lines: Sequence[str], i: int) -> tuple[list[tuple[str, str]], int]:
    """The rows that begin at line i, and the line behind them; rows may have blank lines between them."""
    margin, rows = _indent(lines[i]), []
    while i < len(lines):
        following = _until(lines, i, lambda line: bool(line.strip()))
        if following == len(lines) or _indent(lines[following]) != margin or not _starts_row(lines, following):
            break
        row = ROW.fullmatch(lines[following].strip())
        names, words = row.groups() if row else (lines[following].strip(), "")
        i = _until(lines, following + 1, lambda line: not line.strip() or _indent(line) <= margin)
        rows.append((names, " ".join([words, *(line.strip() for line in lines[following + 1 : i])]).strip()))
    return rows, i


def _code(lines: Sequence[str], start: int) -> list[str]:
    """Paragraphs from line ``start`` on that are Python: they parse, and import or assign something."""
    end = start
    while end < len(lines):
        first = _until(lines, end, lambda line: bool(line.strip()))
        last = _until(lines, first, lambda line: not line.strip())
        try:
            statements = ast.parse("\n".join(lines[first:last])).body
        except SyntaxError:
            break
        if not any(isinstance(node, (ast.Import, ast.ImportFrom, ast.Assign)) for node in statements):
            break
        end = last
    return list(lines[start:end])


def _literal(lines: Sequence[str]) -> list[str]:
    margin = min(_indent(line) for line in lines if line.strip())
    body = [f"    {line[margin:]}".rstrip() for line in lines]
    while not body[-1]:
        body.pop()
    language = "console" if body[0].strip().startswith(("make ", "python ", "$ ", "sbatch ", "pip ")) else "text"
    if body[0].strip().startswith(("import ", "from ")):
        language = "python"
    return [f".. code-block:: {language}", "", *body, ""]
