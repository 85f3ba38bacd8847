"""A small disk that only one child process sees: a tmpfs in user and mount namespaces of its own (Linux)."""

import ctypes
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
NEW_USER, NEW_MOUNTS = 0x10000000, 0x00020000
READ_ONLY, REMOUNT = 1, 32


class NotAllowed(OSError):
    """This system does not let this user mount."""


class SmallDisk:
    """A disk of ``size`` bytes at ``folder``, within `within`."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size

    def within(self, call: Callable[["SmallDisk"], T], kind: Callable[..., T]) -> T:
        """``call(self)`` in a forked child that sees the disk; it returns a dataclass ``kind`` of JSON values."""
        self.folder.mkdir(parents=True, exist_ok=True)
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                answer = self._answer(call)
                os.write(writer, json.dumps(answer).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            said = file.read()
        os.waitpid(pid, 0)
        answer = json.loads(said or b'{"failed": "the child died"}')
        if "refused" in answer:
            raise NotAllowed(answer["refused"])
        if "failed" in answer:
            raise ValueError(f"faults: {self.folder}: {answer['failed']}")
        return kind(**answer)

    def _answer(self, call: Callable[["SmallDisk"], Any]) -> dict[str, Any]:
        user, group = os.getuid(), os.getgid()
        try:
            _call("unshare", NEW_USER | NEW_MOUNTS)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1")
            _call("mount", b"tmpfs", os.fsencode(self.folder), b"tmpfs", 0, self._options(self.size))
        except OSError as error:
            return {"refused": str(error)}
        try:
            return asdict(call(self))
        except Exception as error:
            return {"failed": f"{type(error).__name__}: {error}"}

    def resize(self, size: int) -> None:
        _call("mount", b"tmpfs", os.fsencode(self.folder), b"tmpfs", REMOUNT, self._options(size))

    def make_read_only(self) -> None:
        _call("mount", b"tmpfs", os.fsencode(self.folder), b"tmpfs", REMOUNT | READ_ONLY, None)

    def _options(self, size: int) -> bytes:
        return b"size=%d" % size


def _call(name: str, *arguments: Any) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
