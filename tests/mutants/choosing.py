"""Which mutants of a package are made: a sample that has every kind of mistake, and all that were written by hand."""

import difflib
import hashlib
import json
import random
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

from tests.mutants.mistakes import Mistake
from tests.mutants.operators import Edit, compiles, edits

EQUIVALENT = Path(__file__).with_name("equivalent.json")
TOP = "top"
"""Stands for the modules that lie in no package."""


@dataclass(frozen=True)
class Mutant:
    """``file``, below the root, with one mistake in ``line``. tests: those to run; (): those that reach it."""

    package: str
    file: str
    kind: str
    line: int
    before: str
    after: str
    tests: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The same as long as the file is, and another one for another mistake."""
        return hashlib.sha256("\0".join((self.file, self.before, self.after)).encode()).hexdigest()[:16]

    @property
    def diff(self) -> list[str]:
        """The lines that differ, behind - and +."""
        both = difflib.unified_diff(self.before.splitlines(), self.after.splitlines(), lineterm="", n=0)
        return [line for line in list(both)[2:] if not line.startswith("@@")]


def packages(root: Path, source: str) -> dict[str, list[Path]]:
    """Name -> its Python files, in order."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted((root / source).rglob("*.py")):
        parts = path.relative_to(root / source).parts
        found[parts[0] if len(parts) > 1 else TOP].append(path)
    return dict(found)


def sample(root: Path, package: str, files: list[Path], limit: int, seed: int) -> list[Mutant]:
    """``limit`` mutants of a package, its kinds in turn; without those known to be equivalent."""
    by_kind: dict[str, list[tuple[str, str, Edit]]] = defaultdict(list)
    for path in files:
        before, name = path.read_text(), str(path.relative_to(root))
        for edit in edits(before) if limit else ():
            by_kind[edit.kind].append((name, before, edit))
    rng = random.Random(f"{seed} {package}")
    kinds = sorted(by_kind)
    rng.shuffle(kinds)
    for kind in kinds:
        rng.shuffle(by_kind[kind])
    in_turn = filter(None, chain.from_iterable(zip_longest(*(by_kind[kind] for kind in kinds))))
    made = (Mutant(package, name, edit.kind, edit.line, text, edit.applied(text)) for name, text, edit in in_turn)
    known, found = equivalents(), dict[str, Mutant]()
    while len(found) < limit and (mutant := next(made, None)):
        if mutant.diff and (mutant.file, *mutant.diff) not in known and compiles(mutant.after):
            found[mutant.key] = mutant
    return list(found.values())


def written(root: Path, source: str, mistakes: list[Mistake]) -> list[Mutant]:
    """The mistakes that were written by hand."""
    found = []
    for mistake in mistakes:
        before = (root / mistake.file).read_text()
        line = before[: before.index(mistake.old)].count("\n") + 1
        parts = Path(mistake.file).parts
        package = (parts[1] if len(parts) > 2 else TOP) if parts[0] == source else parts[0]
        after = before.replace(mistake.old, mistake.new)
        found.append(Mutant(package, mistake.file, f"mistake: {mistake.name}", line, before, after, mistake.tests))
    return found


def equivalents() -> set[tuple[str, ...]]:
    """(file, lines that differ) of mutants that no test can tell from the original; the file says why."""
    return {(each["file"], *each["diff"]) for each in json.loads(EQUIVALENT.read_text())}
