"""Figures kept open after they are saved, so that a test can read what was drawn."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure


@pytest.fixture
def figures_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    kept: list[Figure] = []
    monkeypatch.setattr("smcrep.report.style.plt.close", kept.append)
    yield kept
    monkeypatch.undo()
    for figure in kept:
        plt.close(figure)
