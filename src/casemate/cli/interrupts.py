"""Ctrl-C: the first ends a run in good order, and those of an impatient hand do not get in its way."""

from __future__ import annotations

import atexit
import os
import signal
from types import FrameType

PATIENCE = 10.0
"""Seconds that putting things in order may take: what is done is kept, and no worker process is left behind."""


def tame() -> None:
    """Let the first Ctrl-C raise KeyboardInterrupt; ignore more for `PATIENCE` seconds; one later ends the process.

    They are ignored and not merely heard, so that the programs which end our workers, as joblib's pgrep, ignore them
    too. Where interrupts are ignored already, as in a job in the background of a shell, they stay so. For the main
    thread of a process of our own.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return
    signal.signal(signal.SIGINT, _first)
    # Registered before any library's, so it runs after all of them: the exit code is decided by then.
    atexit.register(_leave)


def _first(_: int, __: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _too_long)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    raise KeyboardInterrupt


def _leave() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


def _too_long(_: int, __: FrameType | None) -> None:
    signal.signal(signal.SIGINT, lambda *_: os._exit(2))
