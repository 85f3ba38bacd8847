"""The pages: docstrings become valid reStructuredText, and every relative link leads to a file."""

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts and "api" not in path.parts
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def load(name: str) -> ModuleType:
    """A module in docs, which is no package."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(ROOT / "docs"))


docstrings, reference = load("docstrings"), load("reference")
NAMES = load("names").Names(load("source").modules(ROOT / "smcrep"))


def rst(text: str, known: dict[str, str] | None = None, cited: tuple[str, ...] = ()) -> str:
    return "\n".join(docstrings.to_rst(text.splitlines(), (known or {}).get, cited)).strip()


def test_words_are_escaped_and_code_is_kept() -> None:
    assert rst("Images [*shape] and *_physics, |a - b|, x_ of ``size`` H@1") == (
        r"Images [\*shape] and \*\_physics, \|a - b\|, x\_ of ``size`` H\@1".replace(r"\*\_", r"\*_")
    )
    assert rst("mean over rows *and dimensions*, **never** 2 * 3 * 4") == (
        r"mean over rows *and dimensions*, **never** 2 \* 3 \* 4"
    )
    assert rst("`Ranks`s") == r"``Ranks``\ s"


def test_a_known_name_is_a_link_and_an_unknown_one_is_code() -> None:
    known = {"Loss": "smcrep.transition.Loss"}
    assert rst("Returns a `Loss` or `None`.", known) == "Returns a :py:obj:`Loss <smcrep.transition.Loss>` or ``None``."


def test_a_cited_paper_is_a_link_to_its_reference() -> None:
    assert rst("SimCLR (arXiv:2002.05709, eq. 1)", cited=("2002.05709",)) == (
        "SimCLR (:ref:`arXiv:2002.05709 <arxiv-2002-05709>`, eq. 1)"
    )


def test_aligned_columns_become_a_definition_list() -> None:
    table = "One.\n\nza, zb       [n, d]; row i of one\n             is the positive.\ntemperature  divides.\n\nTwo."
    assert rst(table).splitlines() == [
        "One.",
        "",
        ".. rst-class:: rows",
        "",
        "``za``, ``zb``",
        "    [n, d]; row i of one is the positive.",
        "``temperature``",
        "    divides.",
        "",
        "Two.",
    ]


def test_a_name_above_its_indented_text_and_words_in_the_first_column_are_rows_too() -> None:
    assert rst("rgb_mean, rgb_std\n    of each channel").splitlines()[2:] == [
        "``rgb_mean``, ``rgb_std``",
        "    of each channel",
    ]
    assert rst("not identifiable  the oracle gains nothing").splitlines()[2] == "not identifiable"


@pytest.mark.parametrize(
    ("block", "language"),
    [
        ("    - log( exp(s_ij) / sum )", "text"),
        ("    python x.py            # a minute", "console"),
        ("import smcrep\nx = smcrep.f()\n\ny = x", "python"),
    ],
)
def test_formulas_commands_and_python_are_literal(block: str, language: str) -> None:
    lines = rst(f"One.\n\n{block}\n\nTwo.").splitlines()
    assert lines[2] == f".. code-block:: {language}"
    assert [line[4:] for line in lines[4:-2]] == [line.removeprefix("    ") for line in block.splitlines()]
    assert lines[-1] == "Two."


def test_examples_stay() -> None:
    assert rst("One.\n\n>>> 1 + 1\n2") == "One.\n\n>>> 1 + 1\n2"


@pytest.mark.parametrize("start", ["- 1 is less", "1. first", ":x: y", "(a) b", ".. c", "--flag on"])
def test_no_paragraph_begins_a_structure_by_accident(start: str) -> None:
    assert not structure(rst(f"x  {start}") if start[0] == "-" else rst(start))


def structure(text: str) -> set[str]:
    """Lists, fields and options in reStructuredText, definition lists left out."""
    nodes = pytest.importorskip("docutils.nodes")
    document = doctree(text)
    kinds = (nodes.bullet_list, nodes.enumerated_list, nodes.field_list, nodes.option_list, nodes.comment)
    return {type(node).__name__ for node in document.findall(lambda node: isinstance(node, kinds))}


def doctree(text: str):
    """Parsed, with an exception for anything that docutils would warn of; Sphinx's roles are plain text here."""
    core, roles = pytest.importorskip("docutils.core"), pytest.importorskip("docutils.parsers.rst.roles")
    for role in ("py:obj", "py:mod", "ref"):
        roles.register_generic_role(role, pytest.importorskip("docutils.nodes").literal)
    settings = {"report_level": 5, "halt_level": 2, "warning_stream": None}
    return core.publish_doctree(text, settings_overrides=settings)


@pytest.mark.parametrize("module", NAMES.modules.values(), ids=lambda module: module.name)
def test_every_docstring_is_valid(module) -> None:
    for name in module.docstrings:
        text = "\n".join(docstrings.to_rst(module.lines(name), lambda _: None))
        doctree(re.sub(r"^\.\. code-block:: \w+$", "::", text, flags=re.MULTILINE))


def test_names_mean_what_is_nearest() -> None:
    assert NAMES.resolve("nt_xent", "smcrep.objectives.nt_xent") == "smcrep.objectives.nt_xent.nt_xent"
    assert NAMES.resolve("Loss", "smcrep.objectives.nt_xent") == "smcrep.transition.Loss"  # imported there
    assert NAMES.resolve("vector", "smcrep.geometry.action", "Action") == "smcrep.geometry.action.Action.vector"
    assert NAMES.resolve("objectives.floor", "smcrep.worlds.world") == "smcrep.objectives.floor"
    assert NAMES.resolve("smcrep.load_model", "smcrep.report.page") == "smcrep.hub.load_model"  # exported elsewhere
    assert NAMES.resolve("no_such_name", "smcrep.hub") is None
    assert NAMES.resolve("x + 1", "smcrep.hub") is None


def test_a_signature_is_the_source_with_links_to_our_types() -> None:
    module = NAMES.modules["smcrep.objectives.nt_xent"]
    arguments, result = NAMES.signature(module, "nt_xent")
    assert arguments == "(za: Tensor, zb: Tensor, temperature: float)"
    assert result == "~smcrep.transition.Loss"


def test_every_public_module_has_a_page() -> None:
    pages = "\n".join(reference.pages(NAMES).values())
    for name in NAMES.modules:
        assert f".. automodule:: {name}\n" in pages


def test_reference_pages_of_modules_that_are_gone_go_too(tmp_path: Path) -> None:
    reference.write(tmp_path, {"a.rst": "a", "b.rst": "b"})
    before = (tmp_path / "a.rst").stat().st_mtime_ns
    reference.write(tmp_path, {"a.rst": "a"})
    assert [path.name for path in tmp_path.iterdir()] == ["a.rst"]
    assert (tmp_path / "a.rst").stat().st_mtime_ns == before


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_and_pictures_lead_to_files(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in LINK.findall(text):
        if not re.match(r"\w+:|#", target):
            path = (page.parent / target.partition("#")[0]).resolve()
            assert path.is_relative_to(ROOT), f"{page.name} links to {target}, which is not in the repository"
            assert path.exists(), f"{page.name} links to {target}, which does not exist"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_external_links_stand_on_the_page_of_references_alone(page: Path) -> None:
    if page.is_relative_to(ROOT / "docs") and page.name != "references.md":
        assert not re.findall(r"https?://\S+", page.read_text(encoding="utf-8"))
