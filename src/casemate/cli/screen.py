"""The screen: what goes to stdout, what goes to stderr, and whether anybody is watching."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 100


def out() -> Console:
    """Return a console on stdout: results. Colours only on a terminal, and not where NO_COLOR is set."""
    return _console(sys.stdout)


def err() -> Console:
    """Return a console on stderr: errors, progress, and what is not the result."""
    return _console(sys.stderr)


def watched(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a person is watching this stream: a terminal that can move its cursor, and no pipeline."""
    return stream.isatty() and not environment.get("CI") and environment.get("TERM") != "dumb"


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    # A pipe has no width; a fixed one keeps what is written the same everywhere.
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=width)
