"""Which object a name in a docstring means, and the signature of each object with names that Sphinx can link."""

import ast
import copy
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from source import Module, fields, is_dataclass

Node = TypeVar("Node", bound=ast.AST)


@dataclass(frozen=True)
class Names:
    """Which object a name in a docstring means."""

    modules: dict[str, Module]
    objects: set[str] = field(init=False)

    def __post_init__(self) -> None:
        defined = {f"{m.name}.{name}" for m in self.modules.values() for name in m.public}
        object.__setattr__(self, "objects", defined)

    @cached_property
    def by_end(self) -> dict[str, list[str]]:
        """The end of a dotted name -> whole names; methods only behind their class."""
        found: dict[str, list[str]] = {}
        for whole in sorted(self.objects | set(self.modules)):
            parts = whole.split(".")
            method = whole in self.objects and ".".join(parts[:-1]) in self.objects
            for length in range(2 if method else 1, len(parts)):
                found.setdefault(".".join(parts[-length:]), []).append(whole)
        return found

    def resolve(self, name: str, module: str, owner: str = "") -> str | None:
        """The whole name of what ``name`` means in ``module`` (and there in the class ``owner``); None where it
        means nothing, or several things."""
        name = name.removesuffix("()")
        if not re.fullmatch(r"[A-Za-z_][\w.]*", name):
            return None
        known = self.objects | set(self.modules)
        first, _, rest = name.partition(".")
        imported = self.modules[module].imported.get(first) if module in self.modules else None
        tried = [f"{module}.{owner}.{name}"] if owner else []
        tried += [f"{module}.{name}"] + ([f"{imported}.{rest}".rstrip(".")] if imported else []) + [name]
        parents = module.split(".")
        tried += [".".join([*parents[:i], name]) for i in range(len(parents) - 1, 0, -1)]
        for whole in tried:
            found = self._defined(whole)
            if found in self.objects or (found in self.modules and "." in name):
                return found
        ends = self.by_end.get(name, [])
        ends = [whole for whole in ends if whole in self.objects] or ends
        near = [whole for whole in ends if whole.split(".")[:2] == parents[:2]]
        only = near if len(near) == 1 else ends
        return only[0] if len(only) == 1 and only[0] in known else None

    def _defined(self, whole: str) -> str:
        """Where an object is defined that a package only exports."""
        home, _, name = whole.rpartition(".")
        exports = whole not in self.objects and home in self.modules and self.modules[home].is_package
        imported = self.modules[home].imported.get(name, "") if exports else ""
        return imported if imported in self.objects else whole

    def signature(self, module: Module, name: str) -> tuple[str, str | None] | None:
        """Arguments and result of a function or class as its source has them, names of this package whole (Sphinx then
        links them); None where the source does not say."""
        node = module.nodes.get(name)
        if isinstance(node, ast.ClassDef):
            if f"{name}.__init__" in module.nodes:
                found = self.signature(module, f"{name}.__init__")
                return found and (found[0], None)
            arguments = self._fields(module, name) if is_dataclass(node) else {}
            return (f"({', '.join(arguments.values())})", None) if arguments else None
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return None
        node = self._linked(node, module)
        decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
        bound = "." in name and "staticmethod" not in decorators
        arguments = node.args
        if bound:
            (arguments.posonlyargs or arguments.args).pop(0)
        return f"({ast.unparse(arguments)})", ast.unparse(node.returns) if node.returns else None

    def _fields(self, module: Module, name: str) -> dict[str, str]:
        """Argument for each field of a dataclass, those of its bases first."""
        found: dict[str, str] = {}
        node = module.nodes.get(name)
        for base in node.bases if isinstance(node, ast.ClassDef) else []:
            home, _, inner = (self.resolve(ast.unparse(base), module.name) or "").rpartition(".")
            found |= self._fields(self.modules[home], inner) if home in self.modules else {}
        own = fields(node) if isinstance(node, ast.ClassDef) and is_dataclass(node) else []
        return found | {ast.unparse(item.target): self._field(item, module) for item in own}

    def _field(self, item: ast.AnnAssign, module: Module) -> str:
        item = self._linked(item, module)
        words = f"{ast.unparse(item.target)}: {ast.unparse(item.annotation)}"
        if item.value is None:
            return words
        made = isinstance(item.value, ast.Call) and ast.unparse(item.value.func).endswith("field")
        return f"{words} = {'...' if made else ast.unparse(item.value)}"

    def _linked(self, node: Node, module: Module) -> Node:
        """A copy of ``node`` in whose annotations names of this package are whole."""

        class Whole(ast.NodeTransformer):
            def visit_Name(self, name: ast.Name) -> ast.Name:
                whole = module.imported.get(name.id, f"{module.name}.{name.id}")
                return ast.Name(f"~{whole}") if whole in objects else name

        objects = self.objects
        node = copy.deepcopy(node)
        for part in ast.walk(node):
            for place in ("annotation", "returns"):
                if isinstance(getattr(part, place, None), ast.AST):
                    setattr(part, place, Whole().visit(getattr(part, place)))
        return node
