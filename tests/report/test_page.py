"""The page is whole: every picture inside it, nothing fetched, words escaped; checked in a real browser."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from smcrep.report import figures
from smcrep.report.page import Section, write_page
from smcrep.results import Record


@pytest.fixture
def run(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    shots = {k: Record(v, (v - 0.05, v + 0.05)) for k, v in [(1, 0.4), (5, 0.6), (20, 0.8)]}
    images = rng.integers(0, 255, (12, 16, 16, 3), dtype=np.uint8)
    metrics = [{"step": s, "loss": 5 / (s + 1), "loss/a": 3 / (s + 1), "probe/fused": s / 10} for s in range(8)]
    figures.curves(metrics, tmp_path / "figures/curves.png")
    figures.few_shot({"fused": shots, "untrained": shots}, 0.1, "Few-shot", tmp_path / "figures/few_shot.png")
    figures.bars(
        {"fused": {"H@1": shots[1]}, "no_action": {"H@1": shots[5]}},
        ("chance", 0.06),
        "Outcome",
        tmp_path / "figures/bars.png",
    )
    xy, angle = rng.normal(size=(40, 2)), rng.uniform(-180, 180, 40)
    figures.embedding_map(xy, xy[::-1], [f"o{i % 4}" for i in range(40)], angle, tmp_path / "figures/map.png")
    found = rng.integers(0, 12, (3, 4))
    figures.neighbours(images, [0, 1, 2], found, found > 5, tmp_path / "figures/neighbours.png")
    candidates = images.reshape(2, 6, 16, 16, 3)
    order = np.array([[2, 1, 0], [5, 4, 3]])
    few = {"mass": Record(0.6, (0.5, 0.7), controls={"without_after": -0.02})}
    figures.physics(np.eye(8), {"physics": {"fused": shots[1]}}, few, tmp_path / "figures/physics.png")
    figures.outcomes(
        images[:2], candidates, order, np.array([2, 4]), ["turn 40°", "turn 9°"], tmp_path / "figures/outcomes.png"
    )
    pictures = [(path, path.stem) for path in sorted((tmp_path / "figures").iterdir())]
    section = Section("A <title> & more", ["words < 3"], pictures, {"few.1": shots[1]}, {"action": "used"})
    write_page(tmp_path, "Report", "lead", [section])
    return tmp_path


def test_page_is_self_contained(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert page.count("<img") == page.count("data:image/png;base64,") == 7
    assert "http" not in page.replace("<!doctype html>", "")
    assert "A &lt;title&gt; &amp; more" in page
    assert "words &lt; 3" in page
    assert json.loads((run / "report.json").read_text())["sections"][0]["verdicts"] == {"action": "used"}


def test_a_hole_is_refused(run: Path) -> None:
    with pytest.raises(ValueError, match=r"no picture at .*gone\.png"):
        write_page(run, "Report", "lead", [Section("s", pictures=[(run / "gone.png", "gone")])])


def test_in_a_browser(run: Path, tmp_path: Path) -> None:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("chromium and chromedriver are not installed (apt-get install chromium chromium-driver)")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    quiet = "no-first-run disable-background-networking disable-component-update disable-sync"
    for flag in ["headless", "no-sandbox", "disable-gpu", "disable-quic", "disable-dev-shm-usage", *quiet.split()]:
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={tmp_path / 'profile'}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        browser.get((run / "report.html").as_uri())
        widths = browser.execute_script("return [...document.images].map(i => i.complete ? i.naturalWidth : 0)")
        assert len(widths) == 7
        assert min(widths) > 0
        assert browser.get_log("browser") == []
    finally:
        browser.quit()
