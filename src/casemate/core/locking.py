"""Locking: one process at a time changes a file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from casemate.core.errors import CasemateError

PATIENCE = 30.0
"""Seconds to wait for whoever holds the lock."""


@contextmanager
def locked(path: Path, busy: CasemateError, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of a file, so that two changes at once become one after the other.

    The lock is on a hidden file beside it, which stays: it is empty. A process that dies lets go of it.

    Args:
        path: of the file; it need not exist.
        busy: what to raise where somebody else holds the lock all the time.
        patience: seconds to wait for them.

    Raises:
        OSError: the folder does not exist or is not writable.
    """
    beside = path.with_name(f".{path.name}.lock")
    number = os.open(beside, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        end = time.monotonic() + patience
        while not _taken(number):
            if time.monotonic() > end:
                raise busy
            time.sleep(0.02)
        yield
    finally:
        os.close(number)  # which lets go


def _taken(number: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
