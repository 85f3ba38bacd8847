"""A record says how it was made, and nothing else of it changes."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from smcrep.provenance import HELD, History, command_faults, made, stamped
from smcrep.results import Record, commit, machine


def test_made_names_command_commit_machine_and_minutes() -> None:
    about = made("python experiments/some.py", time.monotonic() - 90)
    assert about["minutes"] == pytest.approx(1.5, abs=0.02)
    assert about["command"] == "python experiments/some.py"
    assert (about["commit"], about["machine"]) == (commit(), machine())


def test_stamped_records_keep_their_values() -> None:
    record = Record(0.5, (0.4, 0.6), seeds=3, n=7, unit="accuracy", controls={"chance": 0.1})
    found = stamped({"a": record}, "python experiments/some.py", time.monotonic())["a"]
    assert found.command == "python experiments/some.py"
    kept = ("value", "ci95", "seeds", "n", "unit", "controls")
    assert all(getattr(found, name) == getattr(record, name) for name in kept)


def test_commands_that_name_no_script_target_or_option_are_named(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("demo: setup\n\t@true\n")
    (tmp_path / "run.py").write_text('parser.add_argument("--seeds")\nif __name__ == "__main__":\n    main()\n')
    (tmp_path / "tyro.py").write_text("print(1)\n")
    for command, words in {
        "make demo": "",
        "make setup": "its command makes 'setup', which the Makefile has not",
        "python run.py --seeds 0 1": "",
        "python run.py --seeds=0 --fast": "its command gives --fast, which run.py has not",
        "python gone.py": "its command runs 'python gone.py', and no such script is here",
        "bash run.sh": "its command runs 'bash run.sh', and no such script is here",
        "python tyro.py --data.root x": "",
    }.items():
        assert command_faults(tmp_path, command) == ([words] if words else []), command


def git(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def test_training_code_that_has_changed_since_a_commit_is_named(tmp_path: Path) -> None:
    files = {
        "run.py": "from smcrep.training import fit\nfit.train()\n",
        "look.py": "from smcrep.models.heads import Head\n",
        "smcrep/training/__init__.py": "",
        "smcrep/training/fit.py": '"""Fits."""\nfrom smcrep.models import heads\ndef train():\n    return heads.Head\n',
        "smcrep/models/heads.py": "Head = 1\nTail = 1\n",
        "smcrep/models/unused.py": "x = 1\n",
        "smcrep/report/page.py": "x = 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    first = git(tmp_path, "rev-parse", "HEAD").strip()
    assert History(tmp_path).is_whole()
    assert History(tmp_path).has(first)
    assert not History(tmp_path).has("0123456789ab")

    def changed(script: str = "run.py") -> str | None:
        return History(tmp_path).changed(f"python {script} --seeds 0", first)

    assert changed() is None
    (tmp_path / "smcrep/training/fit.py").write_text(
        '"""Fits well."""\nfrom smcrep.models import heads\ndef train():\n    """A."""\n    return heads.Head  # one\n'
    )
    (tmp_path / "smcrep/models/unused.py").write_text("x = 2\n")
    (tmp_path / "smcrep/report/page.py").write_text("x = 2\n")
    assert changed() is None, "words, and code that the command does not import"
    (tmp_path / "smcrep/models/heads.py").write_text("Head = 1\nTail = 2\n")
    assert changed() is None, "what the command cannot reach"
    (tmp_path / "smcrep/models/heads.py").write_text("from smcrep.models.unused import Head\n")
    (tmp_path / "smcrep/models/unused.py").write_text("Head = 1\n")
    assert changed() is None, "the same elsewhere"
    (tmp_path / "smcrep/models/unused.py").write_text("Head = 2\n")
    assert changed() == "smcrep/models/unused.py: Head"
    assert changed("look.py") is None, "trains nothing"


def test_a_checkout_that_differs_from_its_commit_is_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracked files that were changed or deleted; files beside them, as a run writes, do not count."""
    monkeypatch.setattr("smcrep.results.__file__", str(tmp_path / "results.py"))
    assert commit() == ""  # no checkout
    git(tmp_path, "init", "-q")
    (tmp_path / "results.py").write_text("x = 1\n")
    git(tmp_path, "add", "results.py")
    git(tmp_path, "commit", "-q", "-m", "first")
    head = git(tmp_path, "rev-parse", "--short=12", "HEAD").strip()
    assert commit() == head
    (tmp_path / "beside.py").write_text("y = 1\n")
    assert commit() == head
    (tmp_path / "results.py").write_text("x = 2\n")
    assert commit() == f"{head}-dirty"
    git(tmp_path, "add", "results.py")
    assert commit() == f"{head}-dirty"
    assert made("python a.py", time.monotonic())["commit"] == f"{head}-dirty"
    assert stamped({"a": Record(0.5)}, "python a.py", time.monotonic())["a"].commit == f"{head}-dirty"
    (tmp_path / "results.py").unlink()
    assert commit() == f"{head}-dirty"


def test_records_hold_where_the_numbers_are_known_to_be_the_same(tmp_path: Path) -> None:
    """Until the later commit, and no further."""
    fit, script = tmp_path / "smcrep/training/fit.py", "import smcrep.training.fit as f\nf.train()\n"
    fit.parent.mkdir(parents=True)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "run.py").write_text(script)
    git(tmp_path, "init", "-q")
    commits = []
    for number in range(3):
        fit.write_text(f"def train():\n    return {number}\n")
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", str(number))
        commits.append(git(tmp_path, "rev-parse", "--short=12", "HEAD").strip())
    changed = "smcrep/training/fit.py: train"
    assert History(tmp_path).changed("python run.py", commits[0]) == changed
    for later, found in ((commits[1], changed), (commits[2], None), ("0123456789ab", changed)):
        (tmp_path / HELD).write_text(json.dumps({f"run.py {commits[0]}": later}))
        assert History(tmp_path).changed("python run.py", commits[0]) == found
