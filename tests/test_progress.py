"""A bar in a file is lines, each with rate and time left; hidden, it says nothing."""

import io

from smcrep.progress import progress


def test_every_state_is_a_line() -> None:
    to = io.StringIO()
    with progress(10, "simulate train", unit="states", done=4, to=to) as bar:
        bar.update(6)
    lines = to.getvalue().splitlines()
    assert lines[0].startswith("simulate train: 4/10 states")
    assert lines[-1].startswith("simulate train: 10/10 states")
    assert all("left" in line and "\r" not in line for line in lines)


def test_hidden_it_says_nothing() -> None:
    to = io.StringIO()
    with progress(3, "x", unit="states", shown=False, to=to) as bar:
        bar.update(3)
    assert to.getvalue() == ""


def test_the_last_state_is_shown_once() -> None:
    to = io.StringIO()
    with progress(3, "extract", unit="shards", to=to) as bar:
        for _ in range(3):
            bar.update()
    lines = to.getvalue().splitlines()
    assert lines[-1].startswith("extract: 3/3 shards")
    assert len(lines) == len({line.partition(",")[0] for line in lines})
