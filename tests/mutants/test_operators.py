"""Each kind of mistake is made, where it can be one, and what it makes is Python."""

import pytest

from tests.mutants.operators import compiles, edits

SOURCE = '''"""Text."""

from math import sin


def scaled(train: list, test: list, *, factor: float = 2.0, axis: int = 0) -> list:
    """Says 1 < 2."""
    if factor < 1 and not axis:
        raise ValueError(f"scaled: factor {factor} is below 1")
    train.append(min(test) + 3)
    other = scaled(train, test, factor=factor, axis=1)
    total = other.mean(-1) @ test
    return [-sin(x) for x in train if x > 0]
'''


def made(kind: str) -> list[str]:
    """The lines that one kind of mistake leaves."""
    found = []
    for edit in edits(SOURCE):
        if edit.kind == kind:
            found.append(edit.applied(SOURCE).splitlines()[edit.line - 1].strip())
    return found


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("comparison", "if (factor <= 1) and not axis:"),
        ("and / or", "if (factor < 1 or not axis):"),
        ("dropped sign", "if factor < 1 and (axis):"),
        ("negated condition", "if not (factor < 1 and not axis):"),
        ("negated condition", "return [-sin(x) for x in train if (not (x > 0))]"),
        ("dropped statement", "pass"),
        ("operator", "train.append((min(test) - 3))"),
        ("off by one", "train.append(min(test) + 4)"),
        ("min / max, mean / sum, ...", "train.append(max(test) + 3)"),
        ("min / max, mean / sum, ...", "total = other.sum(-1) @ test"),
        ("swapped names", "train.append(min(train) + 3)"),
        ("swapped arguments", "other = (scaled(test, train, factor=factor, axis=1))"),
        ("dropped argument", "other = (scaled(train, test, axis=1))"),
        ("axis", "other = scaled(train, test, factor=factor, axis=0)"),
        ("axis", "total = other.mean(0) @ test"),
        ("order of factors", "total = (test @ other.mean(-1))"),
        ("returned unchanged", "return train"),
        ("constant", "def scaled(train: list, test: list, *, factor: float = 4.0, axis: int = 0) -> list:"),
    ],
)
def test_a_mistake_of_each_kind_is_made(kind: str, line: str) -> None:
    assert line in made(kind)


def test_words_and_imports_are_left_alone_and_all_else_compiles() -> None:
    found = edits(SOURCE)
    assert all(compiles(edit.applied(SOURCE)) for edit in found)
    assert not {edit.line for edit in found} & {1, 2, 3, 4, 5, 7}
    assert not [edit for edit in found if "below" in SOURCE[edit.start : edit.end] and edit.new != "pass"]


def test_columns_after_letters_of_two_bytes_are_right() -> None:
    source = 'def f(x):\n    return x["µµ"] < x["é"]\n'
    assert "def f(x):\n    return (x['µµ'] <= x['é'])\n" in [edit.applied(source) for edit in edits(source)]
