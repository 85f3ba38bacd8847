"""What the tests of damaged files share: values of every wrong type, any JSON, and the form of a refusal."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

ROBUST = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
DEEP = "[" * 100_000
ANYTHING: list[Any] = [
    None,
    True,
    -1,
    0,
    10**12,
    10**400,
    1.5,
    float("inf"),
    float("nan"),
    "x",
    "",
    [],
    [[1]],
    {},
    {"a": 1},
]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


def answers(read: Callable[[], Any], where: str = "") -> str:
    """ "" where it reads, else its one line; any other exception is a fault."""
    found: Exception | None = None
    try:
        read()
    except ValueError as error:
        found = error
    if found is not None:
        words = str(found)
        assert type(found) is ValueError, repr(found)
        assert len(words.splitlines()) == 1, words
        assert where in words
        assert ";" in words, words
        return words
    return ""


def replaced(value: dict[str, Any]) -> list[dict[str, Any]]:
    """``value`` with every field, one after the other, of every wrong type, or left out; one level below too."""
    found = []
    for name, inner in value.items():
        found += [value | {name: wrong} for wrong in ANYTHING]
        found += [{n: v for n, v in value.items() if n != name}]
        if isinstance(inner, dict):
            found += [value | {name: inner | {field: wrong}} for field in list(inner)[:4] for wrong in ANYTHING]
    return found
