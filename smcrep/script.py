"""Runs the main function of a script: an error that the user can fix ends it with one line, not a traceback."""

import argparse
import signal
import subprocess
import sys
from collections.abc import Callable
from types import FrameType

from smcrep.plugins import load_plugins


class Terminated(KeyboardInterrupt):
    """Raised on SIGTERM, as KeyboardInterrupt is on SIGINT."""


def at_least(low: int) -> Callable[[str], int]:
    """Type of an option of argparse: a whole number of at least ``low``."""

    def whole_number(text: str) -> int:
        if not text.removeprefix("-").isdecimal() or int(text) < low:
            raise argparse.ArgumentTypeError(f"it is {text!r}; give a whole number of at least {low}")
        return int(text)

    return whole_number


def run(name: str, main: Callable[[], object], *expected: type[Exception]) -> None:
    """Call ``main``. A ValueError, an OSError, an ``expected`` exception or a failed child script ends the process with
    status 1 and one line; SIGINT and SIGTERM end it with 130 and 143, after the clean-up of ``main``."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        load_plugins()
        main()
    except (ValueError, OSError, *expected) as error:
        sys.exit(f"{name}: {error}")
    except subprocess.CalledProcessError as error:
        if error.returncode > 128:  # interrupted, as this script is
            sys.exit(error.returncode)
        sys.exit(f"{name}: {' '.join(map(str, error.cmd[1:]))} failed; its own message is above")
    except KeyboardInterrupt as error:
        by_default = signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT
        number = signal.Signals(getattr(error, "signal", by_default))  # a training that was stopped says by what
        print(f"{name}: {number.name}; the same command goes on from what is finished", file=sys.stderr)
        sys.exit(128 + number)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
