"""The page is whole: every picture inside it, nothing fetched, words escaped; checked in a real browser."""

import json
import shutil
from pathlib import Path

import pytest

from smcrep.report import figures
from smcrep.report.page import Section, write_page
from smcrep.results import Record

VERDICTS = {"action": "used"}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    half = Record(0.5, (0.4, 0.6))
    for name in ("first", "second"):
        figures.bars({"ours": {"H@1": half}}, ("chance", 0.06), name, tmp_path / f"figures/{name}.png")
    pictures = [(path, path.stem) for path in sorted((tmp_path / "figures").iterdir())]
    records = {"few.1": half, "few.5": half}
    write_page(tmp_path, "Report", "lead", [Section("A <title> & more", ["words < 3"], pictures, records, VERDICTS)])
    return tmp_path


def test_page_is_self_contained(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert page.count("<img") == page.count("data:image/png;base64,") == 2
    assert "http" not in page.replace("<!doctype html>", "")
    assert "A &lt;title&gt; &amp; more" in page
    assert "words &lt; 3" in page
    assert json.loads((run / "report.json").read_text())["sections"][0]["verdicts"] == VERDICTS


def test_raw_records_fold_away_under_the_pictures(run: Path) -> None:
    page = (run / "report.html").read_text()
    folded = page.index("<details><summary>2 records</summary><table>")
    assert page.rindex("<img") < folded
    assert page.count("<table>") == page.count("<details>") == 1
    assert page.index("few.5") < page.index("</table></details>")


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
        assert len(widths) == 2
        assert min(widths) > 0
        assert browser.execute_script("return document.querySelector('details').open") is False
        assert browser.get_log("browser") == []
    finally:
        browser.quit()
