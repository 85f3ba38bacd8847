"""A record is told with its unit, its interval and the controls that it has."""

from smcrep.evaluation.sentence import percent, plain
from smcrep.results import Record

CONTROLS = {"chance": 1 / 15, "untrained": 0.2732, "untrained_low": 0.2, "verdict": "used"}
RECORD = Record(0.8556, (0.8449, 0.8664), controls=CONTROLS)


def test_shares_are_told_in_percent() -> None:
    assert percent("15-way 1-shot accuracy", RECORD, "chance", "untrained", "no_action") == (
        "15-way 1-shot accuracy: 85.6 % [84.5, 86.6] (chance 6.7, untrained 27.3)"
    )


def test_other_numbers_keep_their_unit_and_words_stay_words() -> None:
    assert (
        plain("relative pose, mean error", Record(41.27), unit="degrees") == "relative pose, mean error: 41.3 degrees"
    )
    assert plain("utilisation of the action", RECORD, "verdict") == (
        "utilisation of the action: 0.856 [0.845, 0.866] (verdict used)"
    )
