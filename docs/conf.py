"""Sphinx configuration; `python docs/build.py` builds the pages."""

import inspect
import json
import re
import sys
from functools import cached_property, partial
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import docstrings  # noqa: E402
import reference  # noqa: E402
from names import Names  # noqa: E402
from source import Module, citations, modules  # noqa: E402

import smcrep  # noqa: E402

project = "smcrep"
author = "smcrep maintainers"
copyright = author
release = version = smcrep.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.doctest", "sphinx_copybutton"]
exclude_patterns = ["_build"]
smartquotes = False
html_theme = "furo"
html_title = f"smcrep {release}"
html_static_path = ["_static"]
html_css_files = ["smcrep.css"]
html_show_sphinx = False
html_copy_source = False
pygments_style, pygments_dark_style = "friendly", "github-dark"
templates_path: list[str] = []

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_inherit_docstrings = False
autodoc_typehints = "none"  # `signature_as_written` has them as the source does
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
python_display_short_literal_types = True
add_module_names = False
toc_object_entries_show_parents = "hide"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
doctest_test_doctest_blocks = "default"
linkcheck_timeout, linkcheck_workers = 30, 2

NAMES = Names(modules(Path(smcrep.__file__).parent))
METHODS = (FunctionType, MethodType, classmethod, staticmethod, property, cached_property, type)
CITED = citations(NAMES.modules)


def source_of(name: str) -> tuple[Module, str] | None:
    """The module that defines the object of this whole name, and the name in it."""
    module = name
    while module not in NAMES.modules and "." in module:
        module = module.rpartition(".")[0]
    return (NAMES.modules[module], name[len(module) + 1 :]) if module in NAMES.modules else None


def plain_text_to_rst(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Replaces ``lines`` by reStructuredText; the source, unlike ``lines``, has every indentation. What `dataclass`
    wrote, or another library, is left out."""
    lines.clear()
    if found := source_of(name):
        module, inner = found
        owner = inner if what in ("class", "exception") else inner.rpartition(".")[0]
        resolve = partial(NAMES.resolve, module=module.name, owner=owner)
        lines += docstrings.to_rst(module.lines(inner) if inner in module.docstrings else [], resolve, CITED)
        described = " ".join(lines)
        comments = [(n, words) for n, words in module.comments.get(inner, {}).items() if f"``{n}``" not in described]
        if comments:
            rows = [(n, docstrings.inline(words, resolve, CITED)) for n, words in comments]
            lines += ["", *docstrings.definition_list(rows)]


def signature_as_written(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, result: str | None
) -> tuple[str, str | None] | None:
    found = source_of(name)
    return NAMES.signature(*found) if found and what != "property" else None


def choose_members(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """True leaves out: of a module what is no function or class (`reference` adds constants with a docstring), of a
    class what is no method with a docstring (fields have their row below the docstring of the class)."""
    if what == "module":
        return None if isinstance(obj, type) or inspect.isroutine(inspect.unwrap(obj)) else True
    return None if isinstance(obj, METHODS) and getattr(obj, "__doc__", None) else True


def papers() -> str:
    """The cited papers, each with the modules that name it: titles from papers.json, where they are known."""
    titles = json.loads((HERE / "papers.json").read_text(encoding="utf-8"))
    lines = []
    for number in sorted(set(CITED) | set(titles["arxiv"])):
        words = re.sub(r"^(\w)\.", r"\1\.", titles["arxiv"].get(number, "(title to be added)"))  # no list
        lines += [f".. _{docstrings.label(number)}:", "", f"`arXiv:{number} <https://arxiv.org/abs/{number}>`__"]
        lines += [f"    {words}"]
        lines += (
            ["", f"    Cited in {', '.join(f':py:mod:`{m}`' for m in CITED[number])}.", ""] if number in CITED else [""]
        )
    return "\n".join(lines)


def setup(app: Sphinx) -> None:
    reference.write(HERE / "api", reference.pages(NAMES) | {"papers.inc": papers()})
    app.connect("autodoc-process-docstring", plain_text_to_rst)
    app.connect("autodoc-process-signature", signature_as_written)
    app.connect("autodoc-skip-member", choose_members)
