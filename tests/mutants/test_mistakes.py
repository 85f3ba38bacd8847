"""The mistakes that were written by hand can still be made, and those said to be equivalent still stand somewhere."""

import ast
import json

import pytest

from tests.mutants.choosing import EQUIVALENT, written
from tests.mutants.mistakes import MISTAKES, Mistake
from tests.mutants.run import ROOT


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_what_a_mistake_replaces_stands_once_in_its_file(mistake: Mistake) -> None:
    text = (ROOT / mistake.file).read_text()
    assert text.count(mistake.old) == 1
    changed = text.replace(mistake.old, mistake.new)
    assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(text))
    for name in mistake.tests:
        path, _, function = name.partition("::")
        assert f"def {function}(" in (ROOT / path).read_text()


def test_each_has_a_name_and_a_package_of_its_own() -> None:
    found = written(ROOT, "smcrep", MISTAKES)
    assert len({mutant.kind for mutant in found}) == len(MISTAKES)
    by_name = {mutant.kind.removeprefix("mistake: "): mutant for mutant in found}
    assert by_name["worst ridge strength"].package == "evaluation"
    assert by_name["dirty checkout not marked"].package == "top"
    assert by_name["worst ridge strength"].diff == [
        "-    best = max(strengths, key=lambda strength: float(classify(z, episodes, ridge(strength)).mean()))",
        "+    best = min(strengths, key=lambda strength: float(classify(z, episodes, ridge(strength)).mean()))",
    ]


def test_what_is_said_to_be_equivalent_still_stands_in_its_file() -> None:
    for each in json.loads(EQUIVALENT.read_text()):
        lines = (ROOT / each["file"]).read_text().splitlines()
        assert {line[1:] for line in each["diff"] if line.startswith("-")} <= set(lines), each
        assert each["reason"]
