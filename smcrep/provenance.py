"""How a record was made: by which command, at which commit, on which machine, in how many minutes. And whether that
command is still there, and the code that it trains with the same."""

import ast
import io
import json
import shlex
import subprocess
import tarfile
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from smcrep.definitions import definitions, reached
from smcrep.results import Record, commit, machine

TRAINING = (
    *("geometry", "transition.py", "senses", "data", "encoders", "models", "fusion", "objectives"),
    *("worlds", "training", "pretraining"),
)
"""Parts of the package that decide what a trained model is."""


def made(command: str, begun: float) -> dict[str, Any]:
    """Fields of a `Record`, or of any JSON, that say how it was made.

    begun  `time.monotonic()` at the start of the experiment.
    """
    minutes = round((time.monotonic() - begun) / 60, 2)
    return {"command": command, "commit": commit(), "machine": machine(), "minutes": minutes}


def stamped(records: Mapping[str, Record], command: str, begun: float) -> dict[str, Record]:
    """The records with the fields of `made`."""
    about = made(command, begun)
    return {name: replace(record, **about) for name, record in records.items()}


def command_faults(root: Path, command: str) -> list[str]:
    """Why ``command``, given in the checkout at ``root``, would not run: no such script, target or option."""
    program, *words = shlex.split(command)
    if program == "make":
        lines = (root / "Makefile").read_text(encoding="utf-8").splitlines()
        missing = [word for word in words if not any(line.startswith(f"{word}:") for line in lines)]
        return [f"its command makes {word!r}, which the Makefile has not" for word in missing]
    if program != "python" or not words or not (root / words[0]).is_file():
        return [f"its command runs {' '.join([program, *words[:1]])!r}, and no such script is here"]
    known = _options(root / words[0])
    given = [word.partition("=")[0] for word in words[1:] if word.startswith("--")]
    return [f"its command gives {name}, which {words[0]} has not" for name in given if known and name not in known]


def _options(script: Path) -> set[str]:
    """Of its own calls of ``add_argument``, and of modules beside it that are no scripts. Empty: it makes them from the
    fields of a recipe."""
    beside = [p for p in script.parent.glob("*.py") if "if __name__ ==" not in p.read_text(encoding="utf-8")]
    return {
        str(node.args[0].value)
        for path in (script, *beside)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument"
        if node.args and isinstance(node.args[0], ast.Constant) and str(node.args[0].value).startswith("--")
    }


HELD = "experiments/unchanged.json"
"""Script and commit -> a later commit that gives the same numbers (experiments/unchanged.py)."""


def held(root: Path) -> dict[str, str]:
    """ "script.py commit" -> commit, of the checkout at ``root``."""
    path = root / HELD
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


class History:
    """The commits of the checkout at ``root``, and its Python code now and at each of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.at, self.imported = cache(self._at), cache(self._imported)
        self.used, self.codes = cache(self._used), cache(self._codes)
        self.now = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.glob("smcrep/**/*.py")}

    def is_whole(self) -> bool:
        """False outside git, and in a shallow clone, which lacks commits."""
        return _git(self.root, "rev-parse", "--is-shallow-repository").strip() == b"false"

    def has(self, commit: str) -> bool:
        """Whether the present state came from ``commit``."""
        found = subprocess.run(
            ["git", "merge-base", "--is-ancestor", commit, "HEAD"], cwd=self.root, capture_output=True, check=False
        )
        return found.returncode == 0

    def changed(self, command: str, commit: str) -> str | None:
        """ "path: definition" of `TRAINING` that ``command`` can come to use and whose code, comments and docstrings
        aside, is not that of ``commit``, or of the later commit until which its numbers are known to hold (`held`),
        wherever it stood; None where there is none, and where the command trains nothing."""
        script = next((word for word in shlex.split(command) if word.endswith(".py")), "")
        if not any(path.startswith("smcrep/training/") for path in self.imported(script)):
            return None
        later = held(self.root).get(f"{Path(script).name} {commit}", "")
        then = self.codes(later if later and self.has(later) else commit)
        for path, name in self.used(script):
            if definitions(self.now[path])[name].code not in then.get(name, ()):
                return f"{path}: {name}" if name else path
        return None

    def _used(self, script: str) -> list[tuple[str, str]]:
        """(path, name) of definitions of `TRAINING` that ``script`` can come to use."""
        sources = {path: self.now[path] for path in self.imported(script)}
        found = reached((self.root / script).read_bytes(), sources)
        return sorted((path, name) for path, name in found if path.split("/")[1] in TRAINING)

    def _codes(self, commit: str) -> dict[str, set[str]]:
        """Name of a definition -> the code of all that bore it."""
        found: dict[str, set[str]] = {}
        for source in self.at(commit).values():
            for name, definition in definitions(source).items():
                found.setdefault(name, set()).add(definition.code)
        return found

    def _at(self, commit: str) -> dict[str, bytes]:
        with tarfile.open(fileobj=io.BytesIO(_git(self.root, "archive", commit, "smcrep"))) as archive:
            files = [member for member in archive if member.name.endswith(".py")]
            return {member.name: archive.extractfile(member).read() for member in files}  # type: ignore[union-attr]

    def _imported(self, script: str) -> set[str]:
        """Files of the package that ``script`` imports, and what they import in turn."""
        found: set[str] = set()
        waiting = [(self.root / script).read_text(encoding="utf-8")] if script else []
        while waiting:
            for name in _imports(waiting.pop()):
                path = next((p for p in (f"{name}.py", f"{name}/__init__.py") if p in self.now), None)
                if path and path not in found:
                    found.add(path)
                    waiting.append(self.now[path].decode())
        return found


def _imports(source: str) -> list[str]:
    """ "smcrep/models/heads" for every module that may be meant by an import."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    parts = [name.split(".") for name in names if name.split(".")[0] == "smcrep"]
    return ["/".join(own[:n]) for own in parts for n in range(len(own), 0, -1)]  # packages run before their modules


def _git(root: Path, *arguments: str) -> bytes:
    try:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False).stdout
    except OSError:  # no git on this machine
        return b""
