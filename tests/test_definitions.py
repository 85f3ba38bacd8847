"""What a script can come to use of planted sources: nothing that is called is missed, and what nobody calls is left."""

import ast

from smcrep.definitions import IMPORTED, _last, _target, definitions, reached

SOURCES = {
    "a.py": """
import tables
from b import Base, helper as help_me
LIMIT = 3
UNUSED = 4
def start():
    return help_me(LIMIT)
def never():
    return UNUSED
@tables.entered
def plugin():
    return 1
""",
    "b.py": """
from torch import nn
class Base:
    def run(self):
        return self.step() + alone
    def step(self):
        return 0
    def alone(self):
        return 0
    def __len__(self):
        return 0
class Derived(Base):
    def step(self):
        return 1
    def asked_by_name(self):
        return 2
class Net(nn.Module):
    def forward(self, x):
        return x
    def other(self):
        return 0
class Own(somebody.Thing):
    def whatever(self):
        return 0
def helper(limit):
    return getattr(Base().run(), "asked_by_name")
print("imported")
""",
}


def of(script: str) -> set[str]:
    return {f"{path[0]}.{name}" for path, name in reached(script.encode(), {k: v.encode() for k, v in SOURCES.items()})}


def test_calls_subclasses_and_words_in_quotes_are_followed() -> None:
    found = of("import a\na.start()\n")
    always = {"a.plugin", f"a.{IMPORTED}", f"b.{IMPORTED}"}
    followed = {"a.start", "a.LIMIT", "b.helper", "b.Base", "b.Base.run", "b.Base.step", "b.Base.__len__"}
    derived = {"b.Derived", "b.Derived.step", "b.Derived.asked_by_name"}
    assert found == always | followed | derived, "a variable called alone reaches no method of that name"
    assert of("") == always


def test_of_a_class_the_methods_count_that_others_may_call() -> None:
    assert {"b.Net", "b.Net.forward"} <= of("Net()")
    assert "b.Net.other" not in of("Net()")
    assert "b.Own.whatever" in of("Own()")
    assert "b.Own.whatever" not in of("Net()")


def test_the_code_of_a_definition_is_what_it_does() -> None:
    first = definitions(b'def f(x):\n    """Words."""\n    return x + 1\n')["f"]
    assert first.code == definitions(b"def f(x):\n\n    return x + 1  # one\n")["f"].code
    assert first.code != definitions(b"def f(x):\n    return x + 2\n")["f"].code


def test_where_a_name_is_imported_is_not_what_a_definition_does() -> None:
    late = definitions(b"def f(x):\n    import numpy as np\n    return np.exp(x)\n")["f"]
    early = definitions(b"import numpy as np\ndef f(x):\n    return np.exp(x)\n")["f"]
    assert late.code == early.code
    assert {"numpy", "exp"} <= late.names & early.names


def test_names_of_bases_and_of_what_is_set() -> None:
    for text, name in {
        "C": "C",
        "a.b.C": "C",
        "C[T]": "C",
        "a.C[T][U]": "C",
        "make(1)": "make",
        "a.make()[T]": "make",
    }.items():
        assert _last(ast.parse(text, mode="eval").body) == name
    for text, name in {"a = 1": "a", "a: int = 1": "a", "a = b = 1": None, "a.b = 1": None, "a, b = c": None}.items():
        (node,) = ast.parse(text).body
        assert isinstance(node, ast.Assign | ast.AnnAssign)
        assert _target(node) == name
