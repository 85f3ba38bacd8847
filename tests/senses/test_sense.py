"""The table of senses: anybody adds to it, nobody takes a name of the package."""

from dataclasses import replace

import pytest

from smcrep.senses import RGB, SENSES, RGBSettings, Sense, SenseTable
from tests.senses.strangers import TOUCH, TouchSettings


@pytest.fixture
def table() -> SenseTable:
    """One shipped sense, "rgb"."""
    found = SenseTable()
    found.register(RGB)
    found.seal()
    return found


def test_registered_sense_is_found_by_its_name_behind_those_that_ship(table: SenseTable) -> None:
    assert table.register(TOUCH) is TOUCH
    assert list(table) == ["rgb", "touch"]
    assert len(table) == 2
    assert table["touch"] is TOUCH
    assert "touch" in table
    assert "touch" not in SENSES


def test_sense_of_ones_own_is_replaced(table: SenseTable) -> None:
    table.register(TOUCH)
    again = table.register(replace(TOUCH, unit="kN"))
    assert table["touch"] is again
    assert len(table) == 2


@pytest.mark.parametrize(
    ("sense", "words"),
    [
        (replace(TOUCH, name="rgb"), "'rgb' is a sense of smcrep; give yours another name"),
        (replace(TOUCH, name="fused"), "'fused' cannot be a sense's name; give a Python identifier"),
        (replace(TOUCH, name="chunk"), "'chunk' cannot be a sense's name"),  # a parameter of `embed`
        (replace(TOUCH, name="values"), "'values' cannot be a sense's name"),  # a method of torch's ModuleDict
        (replace(TOUCH, name="left hand"), "'left hand' cannot be a sense's name; give a Python identifier"),
        (replace(TOUCH, name="a.b"), r"'a\.b' cannot be a sense's name"),
        (replace(TOUCH, name=""), "'' cannot be a sense's name"),
        (replace(TOUCH, settings=dict), "the settings of 'touch' are no SenseSettings; derive them from it"),
        (replace(TOUCH, settings=RGBSettings()), "the settings of 'touch' are no SenseSettings"),  # no class
    ],
)
def test_names_and_settings_that_cannot_be_are_refused(table: SenseTable, sense: Sense, words: str) -> None:
    with pytest.raises(ValueError, match=f"^senses: {words}") as caught:
        table.register(sense)
    assert "\n" not in str(caught.value)
    assert list(table) == ["rgb"]


@pytest.mark.parametrize("name", list(SENSES))
def test_every_shipped_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is a sense of smcrep"):
        SENSES.register(replace(TOUCH, name=name))


def test_unknown_sense_is_one_line_that_names_the_known(table: SenseTable) -> None:
    with pytest.raises(ValueError, match="there is no sense 'smell', only rgb; import the module that registers it"):
        table["smell"]


def test_settings_out_of_range_name_their_class_and_field() -> None:
    with pytest.raises(ValueError, match=r"^TouchSettings: scale_n is -1\.0; give newtons above 0$"):
        TouchSettings(scale_n=-1.0)


def test_number_of_axes_of_an_observation_is_that_of_its_shape() -> None:
    assert {name: sense.item_ndim for name, sense in SENSES.items()} == {"rgb": 3, "points": 2, "depth": 2, "mask": 2}
