"""How a script ends: one line and a status for what a user can mend, a traceback for what only we can."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from smcrep.script import run

ROOT = Path(__file__).parent.parent
CASES = {
    "raise ValueError('num is 0; give 1')": (1, "it: num is 0; give 1"),
    "raise OSError(28, 'No space', 'a')": (1, "it: [Errno 28] No space: 'a'"),
    "raise Odd('not finite')": (1, "it: not finite"),
    "os.kill(os.getpid(), signal.SIGTERM)": (128 + signal.SIGTERM, "it: SIGTERM; the same command goes on"),
    "os.kill(os.getpid(), signal.SIGINT)": (128 + signal.SIGINT, "it: SIGINT; the same command goes on"),
    "subprocess.run([sys.executable, '-c', 'exit(3)'], check=True)": (1, "-c exit(3) failed; its own message"),
    "subprocess.run([sys.executable, '-c', 'exit(143)'], check=True)": (143, ""),
    "pass": (0, ""),
}


@pytest.mark.parametrize("body", CASES)
def test_end(body: str) -> None:
    status, words = CASES[body]
    done = script(body)
    assert done.returncode == status
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 1


def test_our_own_faults_keep_their_traceback() -> None:
    done = script("{}['x']")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def script(body: str) -> subprocess.CompletedProcess[str]:
    code = f"""
import os, signal, subprocess, sys
sys.path.insert(0, "smcrep")  # without the package, which takes seconds to import
from script import run
class Odd(Exception): ...
def main():
    {body}
run("it", main, Odd)
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)


def test_plug_ins_are_there_before_main_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_plug_in.py").write_text("loaded = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SMCREP_PLUGINS", "my_plug_in")
    seen, before = list[bool](), signal.getsignal(signal.SIGTERM)
    try:
        run("it", lambda: seen.append("my_plug_in" in sys.modules))
        monkeypatch.setenv("SMCREP_PLUGINS", "my_other_plug_in")
        with pytest.raises(SystemExit, match=r"^it: SMCREP_PLUGINS: no module 'my_other_plug_in' .*put its folder"):
            run("it", lambda: seen.append(False))
    finally:
        signal.signal(signal.SIGTERM, before)
        sys.modules.pop("my_plug_in", None)
    assert seen == [True]
