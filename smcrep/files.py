"""Atomic file writes, and a lock that lets one run at a time write to a folder."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a Unix: no locks there
    fcntl = None

TEMPORARY = ".*.part"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to. At the end of the block it replaces ``path``, synced to the disk;
    where the block fails it is deleted and ``path`` is unchanged."""
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
    """`atomic_write` for bytes in memory."""
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.write(content)


@contextmanager
def actionable_errors(path: str | Path) -> Iterator[None]:
    """A full disk or a missing permission becomes an OSError that names ``path`` and a remedy, also where a library
    wrapped it in an error of its own."""
    try:
        yield
    except Exception as error:
        number = _errno(error)
        if number in FULL:
            remedy = "make room and run the same command again; finished files are kept"
        elif number in REFUSED:
            remedy = "choose another folder, or make this one writable"
        else:
            raise
        raise OSError(number, f"{os.strerror(number)}; {remedy}", str(path)) from None


def _errno(error: BaseException | None) -> int:
    """errno of the failed system call, 0 where none failed: torch chains the error, safetensors (in Rust) quotes it."""
    while error:
        if isinstance(error, OSError) and error.errno:
            return error.errno
        if quoted := re.search(r"\(os error (\d+)\)", str(error)):
            return int(quoted[1])
        error = error.__cause__ or error.__context__
    return 0


@contextmanager
def file_lock(folder: str | Path, *, shared: bool = False) -> Iterator[None]:
    """A lock on ``folder`` for the block: exclusive, or with ``shared`` held together with others that share it (the
    jobs of an array). An exclusive lock first removes the partial files of killed processes.

    Raises ValueError where another process holds the lock. The lock ends with the process, however that ends. On a file
    system without locks (some network mounts) nothing is locked.
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
            shared = True  # no locks here: a partial file may belong to a running process
        if not shared:
            with actionable_errors(folder):
                for left in folder.rglob(TEMPORARY):
                    left.unlink(missing_ok=True)
        yield
    finally:
        os.close(held)
