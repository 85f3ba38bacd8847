"""The API reference: one page for each package, and one for each module directly below the root."""

import ast
import re
from functools import partial
from pathlib import Path

from docstrings import inline
from names import Names
from source import Module


def pages(names: Names) -> dict[str, str]:
    """File name -> text: one page for each package and each module directly below the root, and an index."""
    first, *others = names.modules.values()
    shown = [m for m in others if m.is_package or m.name.count(".") == 1]
    return {"index.rst": index_page(first, names)} | {f"{short(m.name)}.rst": page(m, names) for m in shown}


def short(name: str) -> str:
    return name.partition(".")[2]


def children(module: Module, names: Names) -> list[Module]:
    return [other for other in names.modules.values() if other.name.rpartition(".")[0] == module.name]


def index_page(root: Module, names: Names) -> str:
    given = [root.imported[name] for name in exported(root) if name in root.imported]
    listed = [f"- :py:obj:`{root.name}.{name.rpartition('.')[2]} <{name}>`" for name in given]
    lines = [*title("API reference", "="), *automodule(root.name, members=False)]
    lines += ["What ``import smcrep`` gives:", "", *listed, "", "The packages:", "", *summaries(root, names)]
    return "\n".join([*lines, *toctree([short(m.name) for m in children(root, names)])])


def exported(module: Module) -> list[str]:
    """What ``__all__`` of a module names."""
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


def page(module: Module, names: Names) -> str:
    lines = [*title(module.name, "="), *automodule(module.name, members=True), *constants(module)]
    inside = children(module, names)
    lines += summaries(module, names)
    for other in inside:
        if not other.is_package:
            lines += [*title(short(other.name), "-"), *automodule(other.name, members=True), *constants(other)]
    packages = [short(other.name) for other in inside if other.is_package]
    return "\n".join([*lines, *(toctree(packages) if packages else [])])


def summaries(module: Module, names: Names) -> list[str]:
    """Each module in a package, with the first sentence of its docstring."""
    lines = []
    for other in children(module, names):
        resolve = partial(names.resolve, module=other.name)
        lines += [f":py:mod:`{short(other.name)} <{other.name}>`", f"    {inline(first_sentence(other), resolve)}"]
    return [".. rst-class:: rows", "", *lines, ""] if lines else []


def first_sentence(module: Module) -> str:
    paragraph = "\n".join(module.lines("")).partition("\n\n")[0] if "" in module.docstrings else "No description"
    words = " ".join(paragraph.split())
    return re.split(r"(?<=[a-z)`])[.:] (?=[A-Z`])", words)[0].rstrip(".:") + "."


def title(words: str, line: str) -> list[str]:
    return [words, line * len(words), ""]


def automodule(name: str, *, members: bool) -> list[str]:
    options = ["   :members:", "   :undoc-members:", "   :ignore-module-all:", "   :member-order: bysource"]
    return [f".. automodule:: {name}", *(options if members else []), ""]


def constants(module: Module) -> list[str]:
    """Those with a docstring, by name alone: a value may be large, or have an address in it."""
    found = [n for n in module.public if "." not in n and isinstance(module.nodes[n], ast.Module)]
    return [line for n in found for line in (f".. autodata:: {module.name}.{n}", "   :no-value:", "")]


def toctree(names: list[str]) -> list[str]:
    return [".. toctree::", "   :hidden:", "", *(f"   {name}" for name in names), ""]


def write(folder: Path, texts: dict[str, str]) -> None:
    """Files of ``texts`` and no others; one that says the same already is not touched, so it is not built again."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.name not in texts:
            old.unlink()
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
