"""Records hold where the tiny form of their script gives the same at their commit, and only there."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from smcrep.provenance import held
from smcrep.results import Record, write_claims
from tests.experiments.scripts import script

tiny: Any = script("tiny")
TOY = """
import argparse, json, pathlib, time
parser = argparse.ArgumentParser()
parser.add_argument("--out", type=pathlib.Path)
out = parser.parse_args().out
record = {"value": VALUE, "ci95": None, "seeds": 1, "n": 3, "controls": {"chance": 0.1, "seconds": time.time()}}
out.mkdir()
(out / "toy.json").write_text(json.dumps({"claims": {"toy.a": record}}))
(out / "model.safetensors").write_text("WEIGHTS")
"""


def git(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A checkout with a script as it was: with another comment, other weights, another value, an error; and as it is
    now."""
    (tmp_path / "experiments").mkdir()
    git(tmp_path, "init", "-q")
    found = {}
    texts = {
        "comment": f"# older{TOY}", "weights": TOY.replace("WEIGHTS", "other"), "value": TOY.replace("VALUE", "2"),
        "error": "raise ValueError('no such option')", "now": TOY,
    }  # fmt: skip
    for name, text in texts.items():
        (tmp_path / "experiments/toy.py").write_text(text.replace("VALUE", "1"))
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", name)
        found[name] = git(tmp_path, "rev-parse", "--short=12", "HEAD").strip()
    records = {
        name: Record(1.0, command="python experiments/toy.py --long", commit=c)
        for name, c in found.items()
        if name != "now"
    }
    write_claims(tmp_path / "experiments/claims/toy.json", records)
    monkeypatch.setattr(tiny, "ROOT", tmp_path)
    monkeypatch.setattr(tiny, "commit", lambda: found["now"])
    monkeypatch.setattr(tiny, "commands", lambda out: [f"demo.py --out {out}/demo", f"toy.py --out {out}/toy"])
    return found


def test_what_holds_is_written_and_what_differs_is_named(
    commits: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "copies").mkdir()
    tiny.unchanged(tmp_path / "copies", ["toy"])
    said = dict(line.removeprefix("toy.py at ").split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert said[commits["comment"]] == "the same, 6 numbers and files"  # the seconds are left out
    assert said[commits["weights"]].startswith("differs: toy/model.safetensors: ")
    assert said[commits["value"]] == "differs: toy/toy.json: toy.a: value: 2 then, 1 now"
    assert said[commits["error"]] == "does not run: ValueError: no such option"
    assert held(tmp_path) == {f"toy.py {commits['comment']}": commits["now"]}


def test_unknown_scripts_and_changed_files_are_refused(
    commits: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="no tiny form of tiny_toy"):
        tiny.unchanged(tmp_path, ["tiny_toy"])
    monkeypatch.setattr(tiny, "commit", lambda: "0123456789ab-dirty")
    with pytest.raises(ValueError, match="commit your changes first"):
        tiny.unchanged(tmp_path, ["toy"])


def test_scripts_that_read_a_run_make_the_demo_first() -> None:
    assert [line.split()[0] for line in tiny.lines("captions", "x")] == ["demo.py", "captions.py"]
    assert [line.split()[0] for line in tiny.lines("world", "x")] == ["benchmarks/world.py"]
    assert tiny.lines("no_such", "x") == []
    assert tiny.lines("zoo", "x") == ["zoo.py --tiny --out x/zoo"]
