"""Figures in prose without a record are found, in digits and in words; those of code, tables and values are not."""

import pytest

from smcrep.report.prose import bare_figures


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("It finds .83 of them", ".83"),
        ("It finds 0.83 of them", "0.83"),
        ("(.66 by cloud)", ".66"),
        ("accuracy of .5.", ".5"),
        ("- a list:\n    continued at .83", ".83"),
        ("83 % of them", "83"),
        ("83% of them", "83"),
        ("92.5 percent", "92.5"),
        ("off by 7°", "7"),
        ("an error of 58 degrees", "58"),
        ("21 minutes on two cores", "21"),
        ("in a 21-minute run", "21"),
        ("Seven minutes", "Seven"),
        ("keeps nine tenths", "nine"),
        ("3 times as fast", "3"),
        ("**.83**", ".83"),
        ("of .78, .92 and .98", ".78"),
    ],
)
def test_results_in_prose_are_found(text: str, figure: str) -> None:
    found = bare_figures(f"first line\n\n{text}\n")
    assert [line.split("'")[1] for line in found][:1] == ([figure] if figure else [])


@pytest.mark.parametrize(
    "text",
    [
        "16 candidates, 3,000 objects, 28 scans, 2.4 M parameters, version 0.2.1",
        "`--optim.lr 0.1` and `.83`",
        "```python\nx = 0.83\n```",
        "Text:\n\n    python run.py --lr 0.83\n\n    and .5 again\n\nmore text",
        "[log](figures/a.0.83.png) and arXiv:2105.04906",
        "see https://x.org/0.83/7°",
        "<!-- claims demo: * -->\n| a | 0.83 |\n<!-- end -->",
        "<!-- rows demo\na = b\n-->\n| a | **0.83 [0.7, 0.9]** |\n<!-- end -->",
        "finds <!-- value demo: a -->.83<!-- /value --> of them",
        "from 11 files of figure 3.14.15",
    ],
)
def test_code_tables_values_and_counts_are_no_results(text: str) -> None:
    assert bare_figures(text) == []


def test_allowed_words_are_left_out_and_must_be_there() -> None:
    text = "one\ntwo 95 % intervals\nthree 95 % of all"
    assert bare_figures(text, ["95 % intervals"]) == ["3: '95' in 'two three 95 % of all'"]
    with pytest.raises(ValueError, match=r"no words 'LeRobot 0\.6' on this page"):
        bare_figures(text, ["LeRobot 0.6"])
