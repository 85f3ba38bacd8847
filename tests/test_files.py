"""Writes are atomic, a folder has one writer at a time, and errors name the path and a remedy."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from smcrep.files import actionable_errors, atomic_write, atomic_write_bytes, file_lock

ROOT = Path(__file__).parent.parent


def test_old_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a"
    atomic_write_bytes(path, b"old")
    with pytest.raises(RuntimeError, match="halfway"):
        write_half(path)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"old")]
    atomic_write_bytes(path, b"new")
    assert path.read_bytes() == b"new"


def write_half(path: Path) -> None:
    with atomic_write(path) as file:
        file.write_bytes(b"ne")
        assert path.read_bytes() == b"old"
        raise RuntimeError("halfway")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "x"), "No space left on device; make room"),
        (OSError(errno.EROFS, "x"), "Read-only file system; choose another folder"),
        (RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"), "make room"),
    ],
)
def test_error_of_a_full_disk_names_the_path_and_a_remedy(tmp_path: Path, error: Exception, words: str) -> None:
    with pytest.raises(OSError, match=words) as caught, actionable_errors(tmp_path / "a"):
        raise error
    assert str(tmp_path / "a") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_error_wrapped_by_a_library_is_found() -> None:
    wrapped = RuntimeError("unexpected position")
    wrapped.__context__ = OSError(errno.ENOSPC, "x")
    with pytest.raises(OSError, match="make room"), actionable_errors("a"):
        raise wrapped


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(ZeroDivisionError), actionable_errors("a"):
        raise ZeroDivisionError
    with pytest.raises(FileNotFoundError), actionable_errors("a"):
        raise FileNotFoundError(errno.ENOENT, "no such file")


HOLD = """
import sys, time
sys.path.insert(0, "smcrep")  # without the package, which takes seconds to import
from files import file_lock
with file_lock(sys.argv[1], shared=sys.argv[2] == "shared"):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(folder: Path, how: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), how], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert child.stdout
    assert child.stdout.readline() == "held\n"
    return child


def test_folder_has_one_writer_and_a_killed_one_releases_it(tmp_path: Path) -> None:
    with holder(tmp_path / "out", "alone") as child:
        with pytest.raises(ValueError, match="another process is writing there"), file_lock(tmp_path / "out"):
            pass
        (tmp_path / "out/sub").mkdir()
        (tmp_path / "out/sub/.a.99.part").write_bytes(b"half")
        child.send_signal(signal.SIGKILL)
        child.wait()
    with file_lock(tmp_path / "out"):
        assert not list((tmp_path / "out/sub").iterdir())  # what the killed one left half written


def test_jobs_of_an_array_share_a_lock(tmp_path: Path) -> None:
    with holder(tmp_path, "shared") as child:
        (tmp_path / ".a.99.part").write_bytes(b"of a job at work")
        with file_lock(tmp_path, shared=True):
            assert (tmp_path / ".a.99.part").exists()
        with pytest.raises(ValueError, match="another process"), file_lock(tmp_path):
            pass
        child.kill()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="Permission denied; choose another folder"), file_lock(tmp_path / "out"):
        pass


def test_a_lock_makes_its_folder_and_those_above_it(tmp_path: Path) -> None:
    with file_lock(tmp_path / "new" / "folder"):
        assert (tmp_path / "new" / "folder").is_dir()


def test_where_nothing_can_be_locked_partial_files_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may belong to a process that runs now."""
    partial = tmp_path / ".a.json.part"
    partial.touch()

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    with file_lock(tmp_path):
        assert not partial.exists(), "with a lock it is nobody's"
    partial.touch()
    monkeypatch.setattr("smcrep.files.fcntl.flock", refuse)
    with file_lock(tmp_path):
        assert partial.exists()
