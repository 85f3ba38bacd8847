"""Prefixes that every name has are taken off, and only those."""

import pytest

from smcrep.encoders.names import unwrapped

KNOWN = ("stem.weight", "norm.weight", "norm.bias")


@pytest.mark.situation
@pytest.mark.parametrize(
    "prefix",
    ["", "module.", "_orig_mod.", "backbone.", "encoder.", "model.", "module._orig_mod.", "module.model.backbone."],
)
def test_shared_prefixes_are_taken_off(prefix: str) -> None:
    assert unwrapped([prefix + name for name in KNOWN], KNOWN) == {prefix + name: name for name in KNOWN}


def test_compiled_parts_are_named_as_the_whole() -> None:
    assert unwrapped(["a._orig_mod.weight", "b.weight"], ["a.weight", "b.weight"])["a._orig_mod.weight"] == "a.weight"


def test_what_is_known_or_not_shared_stays() -> None:
    own = ["model.weight", "model.bias"]
    assert unwrapped(own, own) == {name: name for name in own}
    mixed = ["backbone.weight", "head.weight"]
    assert unwrapped(mixed, ["weight"]) == {name: name for name in mixed}


def test_names_never_fall_together() -> None:
    twice = ["_orig_mod.weight", "weight"]
    assert unwrapped(twice, ["weight"]) == {name: name for name in twice}
