"""The command line: one file per verb, loaded when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from casemate.cli import interrupts

DEBUG = "--debug"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; the console script.

    Args:
        arguments: the words after ``casemate``; those of this process by default.

    Returns:
        0 held (or simply done), 1 broken, 2 usage error or could not run, 3 inconclusive or nothing assessed.
        Nothing else comes out: an error that nobody foresaw is 2, never Python's own 1.
    """
    if arguments is None:
        interrupts.tame()
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = DEBUG in words
    try:
        return _run([word for word in words if word != DEBUG])
    except BrokenPipeError:
        # Whoever read our output has had enough. Point it at nothing, or the interpreter complains as it leaves.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except SystemExit as leave:  # rich leaves with 1 at a broken pipe, and 1 means that an attack won
        return 2 if leave.code else 0
    except (Exception, KeyboardInterrupt) as error:
        from casemate.cli.failure import show

        show(error, debug=debug)
        return 2


def _run(words: list[str]) -> int:
    from casemate.cli.app import app

    code = app(words, result_action="return_value", exit_on_error=False, print_error=False)
    sys.stdout.flush()
    return code if isinstance(code, int) else 0
