"""The last lines of every script: what a user can do something about ends in one line, not in a traceback."""

import signal
import subprocess
import sys
from collections.abc import Callable
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM, as Ctrl-C is SIGINT."""


def run(name: str, main: Callable[[], object], *expected: type[Exception]) -> None:
    """Call ``main``; a ValueError, an OSError, one ``expected`` or the failure of a script it started ends the process
    with status 1 and one line. SIGINT and SIGTERM end it with 130 and 143 after it put its things in order."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        main()
    except (ValueError, OSError, *expected) as error:
        sys.exit(f"{name}: {error}")
    except subprocess.CalledProcessError as error:
        if error.returncode > 128:  # interrupted, as this script is
            sys.exit(error.returncode)
        sys.exit(f"{name}: {' '.join(map(str, error.cmd[1:]))} failed; its own message stands above")
    except KeyboardInterrupt as error:
        number = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
        print(f"{name}: {number.name}; the same command goes on from what is finished", file=sys.stderr)
        sys.exit(128 + number)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
