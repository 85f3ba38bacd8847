"""Definitions of Python sources, and which of them a script can come to use: what has changed for it, and what has not.

Found from the text, without running it, by names: what is reached mentions names, and whatever bears one of them is
reached too, wherever it stands. So nothing is missed that is called by its name, and some things count that are never
called. Code that runs when a module is imported counts always; with a class, what is derived from it (tables are filled
with subclasses), and of its methods also those that a class of another package, behind it, may call.
"""

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from torch import nn

IMPORTED = ""
"""Name of all statements of a module that are no definition."""
CALLED = dict.fromkeys(
    ("object", "Protocol", "Generic", "ABC", "Enum", "NamedTuple", "TypedDict", "Exception", "ValueError"), frozenset()
) | {"Module": frozenset(dir(nn.Module))}
"""Class of another package -> the methods that it may call of what is derived from it, `__dunder__` ones aside."""


@dataclass(frozen=True)
class Definition:
    """A function, a class without its methods, a method ("Class.method") or a constant.

    code        its syntax tree in words, without docstrings and imports
    names       that it mentions, and words in quotes that may be names
    attributes  those of them that may be a method: behind a dot, or in quotes
    bases       of a class
    runs        whether importing its module runs more of it than its definition: statements, and what is decorated
    """

    code: str
    names: frozenset[str]
    attributes: frozenset[str]
    bases: tuple[str, ...] = ()
    runs: bool = False


@cache
def definitions(source: bytes) -> Mapping[str, Definition]:
    """Name -> definition; `IMPORTED` -> the other statements, imports aside."""
    tree = _without_docstrings(ast.parse(source))
    alias = {a.asname: a.name.rsplit(".", 1)[-1] for a in _imports(tree) if a.asname}
    found: dict[str, Definition] = {}
    rest: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[node.name] = _define([node], alias, runs=bool(node.decorator_list))
        elif isinstance(node, ast.ClassDef):
            methods = [x for x in node.body if isinstance(x, ast.FunctionDef | ast.AsyncFunctionDef)]
            found |= {f"{node.name}.{m.name}": _define([m], alias) for m in methods}
            node.body = [x for x in node.body if x not in methods]
            bases = tuple(_last(base) for base in node.bases)
            found[node.name] = _define([node], alias, tuple(alias.get(b, b) for b in bases))
        elif isinstance(node, ast.Assign | ast.AnnAssign) and (name := _target(node)):
            if name != "__all__":
                found[name] = _define([node], alias)
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            rest.append(node)
    return found | {IMPORTED: _define(rest, alias, runs=True)}


def reached(script: bytes, sources: Mapping[str, bytes]) -> set[tuple[str, str]]:
    """(path, name of a definition) of ``sources``, path -> text, that ``script`` can come to use; it imports them
    all."""
    here = {(path, name): found for path, text in sources.items() for name, found in definitions(text).items()}
    return _Reach(here).of(definitions(script).values())


class _Reach:
    def __init__(self, here: Mapping[tuple[str, str], Definition]) -> None:
        self.here = here
        self.found: set[tuple[str, str]] = set()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.waiting: list[str] = []
        self.bearing: dict[str, list[tuple[str, str]]] = {}
        self.derived: dict[str, list[tuple[str, str]]] = {}
        self.methods: dict[tuple[str, str], list[str]] = {}
        for (path, name), found in here.items():
            owner, _, last = name.rpartition(".")
            self.bearing.setdefault(last, []).append((path, name))
            if owner:
                self.methods.setdefault((path, owner), []).append(name)
            for base in found.bases:
                self.derived.setdefault(base, []).append((path, name))

    def of(self, script: Iterable[Definition]) -> set[tuple[str, str]]:
        for found in script:
            self.mention(found)
        for key, found in self.here.items():
            if found.runs:
                self.add(key)
        while self.waiting:
            mentioned = self.waiting.pop()
            for path, name in self.bearing.get(mentioned, ()):
                owner = name.rpartition(".")[0]
                if not owner or (mentioned in self.attributes and (path, owner) in self.found):
                    self.add((path, name))
        return self.found

    def mention(self, found: Definition) -> None:
        self.waiting += (found.names - self.names) | (found.attributes - self.attributes)
        self.names |= found.names
        self.attributes |= found.attributes

    def add(self, key: tuple[str, str]) -> None:
        if key in self.found:
            return
        self.found.add(key)
        self.mention(self.here[key])
        path, name = key
        called = self.called(name)
        for method in self.methods.get(key, ()):
            last = method.rpartition(".")[2]
            if called is None or last in self.attributes | called or last.startswith("__"):
                self.add((path, method))
        for derived in self.derived.get(name, ()):
            self.add(derived)

    def called(self, name: str) -> frozenset[str] | None:
        """Methods that classes of other packages behind the class of that name may call; None: any."""
        own = [self.here[key] for key in self.bearing.get(name, ()) if key[1] == name]
        if not own:
            return CALLED.get(name)
        found: set[str] = set()
        for base in (base for one in own for base in one.bases if base != name):
            behind = self.called(base)
            if behind is None:
                return None
            found |= behind
        return frozenset(found)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [x for x in body if not (isinstance(x, ast.Expr) and isinstance(x.value, ast.Constant))]
            node.body = kept  # type: ignore[attr-defined]
    return tree


def _define(
    nodes: Sequence[ast.stmt], alias: Mapping[str, str], bases: tuple[str, ...] = (), *, runs: bool = False
) -> Definition:
    names, attributes = set[str](), set[str]()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.Name):
            names.add(alias.get(node.id, node.id))
        elif isinstance(node, ast.Attribute):
            attributes.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            attributes.add(node.value)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {a.name.rsplit(".", 1)[-1] for a in node.names}
    code = "\n".join(ast.dump(_WithoutImports().visit(node)) for node in nodes)
    return Definition(code, frozenset(names | attributes), frozenset(attributes), bases, runs)


class _WithoutImports(ast.NodeTransformer):
    """Where a name comes from says nothing of what it does: that is in its own definition."""

    def visit_Import(self, node: ast.Import) -> None:
        """Leaves it out."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Leaves it out."""


def _imports(tree: ast.Module) -> list[ast.alias]:
    return [a for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) for a in node.names]


def _target(node: ast.Assign | ast.AnnAssign) -> str | None:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else None


def _last(node: ast.expr) -> str:
    """Name of a base: the last of ``a.b.C[T]``."""
    while isinstance(node, ast.Subscript | ast.Call):
        node = node.value if isinstance(node, ast.Subscript) else node.func
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
