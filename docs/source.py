"""What the source files of the package define: docstrings with their indentation, public names, imports. Nothing is
imported: the reference is written before autodoc loads the modules, and says what the authors typed."""

import ast
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PRAGMAS = ("noqa", "type:", "pyright:", "pragma:")


@dataclass(frozen=True)
class Module:
    """One module of the package, as its source says.

    docstrings  name in the module ("" for its own) -> margin and text, with the indentation of the source
    comments    class -> its annotated fields -> the docstring below each, or the comment on its line
    imported    name in the module -> where it comes from
    """

    name: str
    path: Path
    is_package: bool

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @cached_property
    def source(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def nodes(self) -> dict[str, ast.AST]:
        return dict(definitions(self.tree))

    @cached_property
    def docstrings(self) -> dict[str, tuple[int, str]]:
        return {name: found for name, node in self.nodes.items() if (found := raw_docstring(node))}

    @cached_property
    def public(self) -> list[str]:
        """Functions, classes and described constants without an underscore, and methods with a docstring."""
        shown = [name for name in self.nodes if name and not any(part.startswith("_") for part in name.split("."))]
        return [
            n for n in shown if "." not in n or (n in self.docstrings and not isinstance(self.nodes[n], ast.Module))
        ]

    @cached_property
    def comments(self) -> dict[str, dict[str, str]]:
        lines = self.source.splitlines()
        found: dict[str, dict[str, str]] = {}
        for name, node in self.nodes.items():
            for item in fields(node) if isinstance(node, ast.ClassDef) else []:
                field = ast.unparse(item.target)
                rest = lines[(item.end_lineno or item.lineno) - 1].encode()[item.end_col_offset :].decode().strip()
                words = rest.lstrip("# ") if rest.startswith("#") else ""
                if f"{name}.{field}" in self.docstrings:
                    words = " ".join(self.docstrings[f"{name}.{field}"][1].split())
                if words and not words.startswith(PRAGMAS):
                    found.setdefault(name, {})[field] = words
        return found

    @cached_property
    def imported(self) -> dict[str, str]:
        nodes = [node for node in ast.walk(self.tree) if isinstance(node, ast.ImportFrom) and node.module]
        return {a.asname or a.name: f"{node.module}.{a.name}" for node in nodes for a in node.names}

    def lines(self, name: str) -> list[str]:
        """The docstring of ``name`` without its margin, further indentation kept."""
        margin, raw = self.docstrings[name]
        first, *others = raw.expandtabs().splitlines() or [""]
        return [first.strip(), *(line[min(margin, len(line) - len(line.lstrip())) :].rstrip() for line in others)]


def definitions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Name and node of the module, its functions and classes, what stands in those classes, and what is assigned a
    value with a docstring below."""
    if not prefix:
        yield "", tree
    body = getattr(tree, "body", [])
    for node, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from definitions(node, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and string_of(below) is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            assert below is not None
            yield prefix + ast.unparse(target), ast.Module([below], [])


def raw_docstring(node: ast.AST) -> tuple[int, str] | None:
    """Margin and text."""
    body = getattr(node, "body", [])
    text = string_of(body[0]) if body else None
    return None if text is None else (body[0].col_offset, text)


def string_of(node: ast.AST | None) -> str | None:
    """The text of an expression that is nothing but a string."""
    value = node.value if isinstance(node, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def fields(node: ast.ClassDef) -> list[ast.AnnAssign]:
    """What a dataclass declares."""
    found = [item for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)]
    return [item for item in found if "ClassVar" not in ast.unparse(item.annotation)]


def is_dataclass(node: ast.ClassDef) -> bool:
    return any(re.match(r"(dataclasses\.)?dataclass\b", ast.unparse(decorator)) for decorator in node.decorator_list)


def modules(root: Path) -> dict[str, Module]:
    """All public modules of the package in the folder ``root``, by name, packages before what is in them."""
    found = {root.name: Module(root.name, root / "__init__.py", True)}

    def walk(folder: Path, prefix: str) -> None:
        for item in pkgutil.iter_modules([str(folder)]):
            if item.name.startswith("_"):
                continue
            path = folder / item.name / "__init__.py" if item.ispkg else folder / f"{item.name}.py"
            found[prefix + item.name] = Module(prefix + item.name, path, item.ispkg)
            if item.ispkg:
                walk(folder / item.name, f"{prefix}{item.name}.")

    walk(root, f"{root.name}.")
    return found


def citations(found: dict[str, Module]) -> dict[str, list[str]]:
    """arXiv number -> the modules that name it."""
    cited: dict[str, list[str]] = {}
    for module in found.values():
        for number in sorted(set(re.findall(r"arXiv:(\d{4}\.\d{4,5})", module.source))):
            cited.setdefault(number, []).append(module.name)
    return dict(sorted(cited.items()))
