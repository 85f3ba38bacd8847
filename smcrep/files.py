"""Files that are written whole or not at all, in folders that one run at a time writes to."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a Unix: nothing is claimed there
    fcntl = None

TEMPORARY = ".*.part"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """A path beside ``path`` to write to. At the end of the block it takes the place of ``path``, its bytes on the
    disk; where the block fails it vanishes, and what stood at ``path`` is untouched."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with actionable_errors(path):
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        with actionable_errors(path):
            temporary.unlink(missing_ok=True)


def atomic_write_bytes(path: str | Path, content: bytes | memoryview) -> None:
    """`whole` for bytes in memory."""
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.write(content)


@contextmanager
def actionable_errors(path: str | Path) -> Iterator[None]:
    """A failure because the disk is full, or because one may not write there, becomes an OSError that says so of
    ``path``, and what to do; also where a library wrapped it in an error of its own."""
    try:
        yield
    except Exception as error:
        number = _errno(error)
        if number in FULL:
            remedy = "make room and run the same command again, what is whole is kept"
        elif number in REFUSED:
            remedy = "choose another folder, or make this one writable"
        else:
            raise
        raise OSError(number, f"{os.strerror(number)}; {remedy}", str(path)) from None


def _errno(error: BaseException | None) -> int:
    """Of the system call that failed, 0 where none did: torch chains the error, safetensors (in Rust) quotes it."""
    while error:
        if isinstance(error, OSError) and error.errno:
            return error.errno
        if quoted := re.search(r"\(os error (\d+)\)", str(error)):
            return int(quoted[1])
        error = error.__cause__ or error.__context__
    return 0


@contextmanager
def file_lock(folder: str | Path, *, shared: bool = False) -> Iterator[None]:
    """Within the block this process alone writes to ``folder`` (with ``shared``: it and others that share it, such as
    the jobs of an array). What a killed process left half written is removed first.

    ValueError where another process holds the folder. The claim dies with the process, however that dies. On a file
    system without locks (some network mounts) nothing is claimed.
    """
    folder = Path(folder)
    with actionable_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"{folder}: another process is writing there; wait for it, or choose another folder"
            ) from None
        except OSError:
            shared = True  # no locks here: what looks left behind may belong to a process at work
        if not shared:
            with actionable_errors(folder):
                for left in folder.rglob(TEMPORARY):
                    left.unlink(missing_ok=True)
        yield
    finally:
        os.close(held)
