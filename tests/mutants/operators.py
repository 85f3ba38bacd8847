"""Small mistakes that somebody could make in a Python file, each as one replacement of its text."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mod,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
}
_WORDS = (
    *("min max", "amin amax", "argmin argmax", "minimum maximum", "clamp_min clamp_max", "mean sum", "any all"),
    *("sin cos", "floor ceil", "train test", "training encoded", "fit held_out", "before after", "support query"),
    *("source target", "first second", "low high", "model_true model_mismatched", "oracle_true oracle_mismatched"),
    *("predicted outcome", "predicted true", "invariant equivariant", "rows columns", "height width"),
)
WORDS = {a: b for pair in _WORDS for a, b in (pair.split(), pair.split()[::-1])}
"""Names that mean the opposite, or the other of two: each in place of its partner."""
DIMENSIONS = {"0": ("1",), "1": ("0",), "-1": ("0", "-2"), "-2": ("-1",)}


@dataclass(frozen=True)
class Edit:
    """``source[start:end]``, beginning in ``line`` (from 1), becomes ``new``. kind: of which mistake it is one."""

    kind: str
    line: int
    start: int
    end: int
    new: str

    def applied(self, source: str) -> str:
        return source[: self.start] + self.new + source[self.end :]


def edits(source: str) -> list[Edit]:
    """All single mistakes of the kinds above in a file, in the order of its text. Annotations, decorators, docstrings,
    imports and the words of errors are left alone. Some few do not compile (`compiles`)."""
    unique = {(edit.start, edit.end, edit.new): edit for edit in _Finder(source).run()}
    return sorted(unique.values(), key=lambda e: (e.start, e.end, e.new))


def compiles(source: str) -> bool:
    try:
        return bool(ast.parse(source))
    except SyntaxError:
        return False


class _Finder:
    def __init__(self, source: str) -> None:
        self.source, self.tree = source, ast.parse(source)
        self.begins = [0]
        for line in source.splitlines(keepends=True):
            self.begins.append(self.begins[-1] + len(line))
        self.lines = source.splitlines(keepends=True)

    def run(self) -> Iterator[Edit]:
        yield from self._inside(self.tree, None)

    def _inside(self, node: ast.AST, function: ast.FunctionDef | None) -> Iterator[Edit]:
        if isinstance(node, ast.FunctionDef):
            function = node
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list", "type_comment") or (
                field == "exc" and isinstance(node, ast.Raise)
            ):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Assert) or _is_text(child):
                    continue
                if isinstance(child, ast.AST):
                    yield from self._of(child, function)
                    yield from self._inside(child, function)

    def _of(self, node: ast.AST, function: ast.FunctionDef | None) -> Iterator[Edit]:
        match node:
            case ast.Compare(ops=[op]):
                for other in COMPARISONS[type(op)]:
                    yield self._unparsed("comparison", node, ast.Compare(node.left, [other()], node.comparators))
            case ast.BoolOp(op=op):
                other = ast.Or() if isinstance(op, ast.And) else ast.And()
                yield self._unparsed("and / or", node, ast.BoolOp(other, node.values))
            case ast.BinOp(op=op) if type(op) in OPERATORS:
                yield self._unparsed("operator", node, ast.BinOp(node.left, OPERATORS[type(op)](), node.right))
            case ast.BinOp(op=ast.MatMult()):
                yield self._unparsed("order of factors", node, ast.BinOp(node.right, ast.MatMult(), node.left))
            case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()) if not isinstance(node.operand, ast.Constant):
                yield self._edit("dropped sign", node, f"({self._text(node.operand)})")
            case ast.UnaryOp(op=ast.USub()):
                for new in DIMENSIONS.get(self._text(node), ()):
                    yield self._edit("axis", node, new)
            case ast.Constant(value=bool()):
                yield self._edit("constant", node, str(not node.value))
            case ast.Constant(value=int()):
                yield self._edit("off by one", node, str(node.value + 1))
            case ast.Constant(value=float()):
                yield self._edit("constant", node, repr(2 * node.value if node.value else 1.0))
            case ast.Call():
                yield from self._call(node, function)
            case ast.Name(ctx=ast.Load()) if node.id in WORDS and _knows(function, self.tree, WORDS[node.id]):
                yield self._edit("swapped names", node, WORDS[node.id])
            case ast.If() | ast.While() | ast.IfExp():
                yield self._edit("negated condition", node.test, f"not ({self._text(node.test)})")
            case ast.comprehension():
                for condition in node.ifs:
                    yield self._edit("negated condition", condition, f"(not ({self._text(condition)}))")
            case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Continue() | ast.Break():
                yield self._edit("dropped statement", node, "pass")
            case ast.Return(value=ast.expr()) if function:
                yield from self._returned(node, function)

    def _call(self, node: ast.Call, function: ast.FunctionDef | None) -> Iterator[Edit]:
        if isinstance(node.func, ast.Attribute) and node.func.attr in WORDS:
            end = self._end(node.func)
            yield Edit("min / max, mean / sum, ...", node.lineno, end - len(node.func.attr), end, WORDS[node.func.attr])
        elif isinstance(node.func, ast.Name) and node.func.id in WORDS:
            yield self._edit("min / max, mean / sum, ...", node.func, WORDS[node.func.id])
        for keyword in node.keywords:
            if keyword.arg and len(node.keywords) + len(node.args) > 1:
                others = [k for k in node.keywords if k is not keyword]
                yield self._unparsed("dropped argument", node, ast.Call(node.func, node.args, others))
            if keyword.arg in ("axis", "dim") and self._text(keyword.value) in DIMENSIONS:
                for new in DIMENSIONS[self._text(keyword.value)]:
                    yield self._edit("axis", keyword.value, new)
        plain = (ast.Name, ast.Attribute, ast.Subscript)
        for i in range(len(node.args) - 1):
            a, b = node.args[i : i + 2]
            if isinstance(a, plain) and isinstance(b, plain) and self._alike(a, b, function):
                swapped = [*node.args[:i], b, a, *node.args[i + 2 :]]
                yield self._unparsed("swapped arguments", node, ast.Call(node.func, swapped, node.keywords))
        if isinstance(node.func, ast.Attribute) and len(node.args) == 1 and self._text(node.args[0]) in DIMENSIONS:
            for new in DIMENSIONS[self._text(node.args[0])]:
                yield self._edit("axis", node.args[0], new)

    def _returned(self, node: ast.Return, function: ast.FunctionDef) -> Iterator[Edit]:
        assert node.value
        alike = [name for name, type_ in _types(function).items() if type_ == _written(function.returns)]
        if alike and self._text(node.value) != alike[0]:
            yield self._edit("returned unchanged", node.value, alike[0])

    def _alike(self, a: ast.expr, b: ast.expr, function: ast.FunctionDef | None) -> bool:
        """Whether nothing is written of their types that tells them apart."""
        types = _types(function) if function else {}
        known = [types[text] for text in (self._text(a), self._text(b)) if text in types]
        return len(set(known)) < 2

    def _unparsed(self, kind: str, node: ast.expr, new: ast.expr) -> Edit:
        return self._edit(kind, node, f"({ast.unparse(new)})")

    def _edit(self, kind: str, node: ast.expr | ast.stmt, new: str) -> Edit:
        return Edit(kind, node.lineno, self._offset(node.lineno, node.col_offset), self._end(node), new)

    def _end(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._offset(node.end_lineno, node.end_col_offset)

    def _offset(self, line: int, column: int) -> int:
        """``column`` counts bytes."""
        return self.begins[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def _text(self, node: ast.expr) -> str:
        return self.source[self._offset(node.lineno, node.col_offset) : self._end(node)]


def _types(function: ast.FunctionDef) -> dict[str, str]:
    """Argument -> its annotation, as it is written; without self and cls."""
    given = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return {a.arg: _written(a.annotation) for a in given if a.arg not in ("self", "cls")}


def _written(annotation: ast.expr | None) -> str:
    return ast.unparse(annotation) if annotation else ""


def _is_text(node: object) -> bool:
    """A docstring, or another string that stands for itself."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _knows(function: ast.FunctionDef | None, tree: ast.Module, name: str) -> bool:
    """Whether ``name`` is an argument of the function or assigned in it (outside functions: in the module), or a
    builtin."""
    if name in ("min", "max", "any", "all", "sum"):
        return False  # `_call` has them
    where: ast.AST = function or tree
    return any(
        (isinstance(n, ast.arg) and n.arg == name)
        or (isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store))
        for n in ast.walk(where)
    )
