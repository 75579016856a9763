"""Ctrl-C while the command line is still importing ends it at once, without a word: nothing could be lost yet.

Python's own answer would be the traceback of whatever was just being imported. This is imported before anything else,
and itself imports nothing that Python has not imported already.
"""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 130  # the exit code of programs that Ctrl-C ended: 128 and the number of the signal


def is_command_line(program: str, arguments: list[str]) -> bool:
    """Whether this process is `netloom …` or `python -m trainers …`, and not a program that imports this package.

    Parameters:
        program: sys.argv[0], which is "-m" while Python looks for the module to run.
        arguments: sys.orig_argv.
    """
    if os.path.splitext(os.path.basename(program))[0] == "netloom":  # noqa: PTH119, PTH122 (pathlib takes a while)
        return True
    return program == "-m" and "-m" in arguments and arguments[arguments.index("-m") + 1 :][:1] == ["trainers"]


def leave(number: int, frame: object) -> None:
    os._exit(INTERRUPTED)


def end() -> None:
    """From now on, Ctrl-C raises KeyboardInterrupt as usual."""
    if signal.getsignal(signal.SIGINT) is leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# A shell starts programs in the background with Ctrl-C ignored, which stays so.
if (
    is_command_line(sys.argv[0] if sys.argv else "", sys.orig_argv)
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, leave)
