"""Records are drawn into tables and prose as they are, and a marker that names nothing is refused."""

import pytest

from smcrep.report.claims import _looked_up, drawn, listed, prose, shown
from smcrep.results import Record

THEMES = {
    "demo": {
        "outcome.rgb": Record(
            0.2804, (0.2, 0.36), controls={"chance": 0.0625, "untrained": 0.07, "untrained_low": 0.05}
        ),
        "outcome.10": Record(2.0, minutes=6.2),
        "outcome.9": Record(0.996, controls={"verdict": "used", "no_action": 0.5}),
    }
}


def test_a_table_has_the_records_in_order_and_hides_what_only_the_file_needs() -> None:
    found = drawn("<!-- claims demo: outcome.* -->\nold\n<!-- end -->\n", THEMES, {("demo", "outcome.rgb")})
    assert found.splitlines() == [
        "<!-- claims demo: outcome.* -->",
        "| | value | 95 % | beside it |",
        "|---|---|---|---|",
        "| `outcome.9` | 0.996 |  | verdict used, no action 0.5 |",
        "| `outcome.10` | 2 |  |  |",
        "| `outcome.rgb` † | 0.28 | 0.2 – 0.36 | chance 0.0625, untrained 0.07 |",
        "<!-- end -->",
    ]
    assert drawn(found, THEMES, {("demo", "outcome.rgb")}) == found
    assert listed(found, THEMES) == {("demo", name) for name in THEMES["demo"]}


def test_rows_put_words_beside_values_with_their_intervals() -> None:
    text = (
        "<!-- rows demo\nH@1 = outcome.rgb ; verdict = outcome.9@verdict ; none = outcome.rgb@chance\n-->\n<!-- end -->"
    )
    assert "| H@1 | **0.28 [0.2, 0.36]** | verdict used, none 0.0625 |" in drawn(text, THEMES)


def test_values_stand_in_prose_in_the_form_that_is_asked_for() -> None:
    def value(name: str) -> str:
        return drawn(f"It is <!-- value demo: {name} -->old<!-- /value -->.", THEMES).split("-->")[1].split("<!--")[0]

    assert value("outcome.rgb") == ".28"
    assert value("outcome.rgb as percent") == "28 %"
    assert value("outcome.rgb as number") == "0.28"
    assert value("outcome.10@minutes as whole") == "6"
    assert value("outcome.9@verdict") == "used"
    assert value("outcome.9") == "1.00"
    assert prose(-0.0364, None) == "-.04"
    assert prose(0.994, "share") == ".99"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<!-- claims demos: * -->\n<!-- end -->", "no theme 'demos'; experiments/claims has demo"),
        ("<!-- claims demo: outcome.touch -->\n<!-- end -->", r"no record 'outcome\.touch'"),
        ("<!-- claims demo: pose.* -->\n<!-- end -->", r"no record matches 'pose\.\*'"),
        ("<!-- rows demo\na = outcome.9@gone\n-->\n<!-- end -->", r"no record 'outcome\.9' with a control 'gone'"),
        ("<!-- value demo: pose -->1<!-- /value -->", "no record 'pose'"),
        ("<!-- value demo: outcome.9 as words -->1<!-- /value -->", "no form 'words'"),
    ],
)
def test_a_marker_that_names_nothing_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        drawn(text, THEMES)


@pytest.mark.parametrize(
    ("controls", "expected"),
    [
        ({"floor": 0.5, "floor_low": 0.4, "floor_high": 0.7}, (0.5, (0.4, 0.7))),
        ({"floor": 0.5, "floor_low": 0.4}, (0.5, None)),
        ({"floor": 0.5, "floor_high": 0.7}, (0.5, None)),
    ],
)
def test_interval_of_a_control_needs_both_its_ends(controls: dict[str, float], expected: object) -> None:
    record = Record(0.9, (0.8, 1.0), n=3, unit="share", controls=controls)
    assert _looked_up("a@floor", {"a": record}) == expected
    assert _looked_up("a", {"a": record}) == (0.9, (0.8, 1.0))


def test_what_a_picture_needs_is_in_no_table() -> None:
    record = Record(1.0, controls={"curve": [0.1] * 40, "dials": [1, 2], "of_one": 3, "chance": 0.5, "chance_low": 0.4})
    assert shown(record).controls == {"dials": [1, 2], "chance": 0.5}
