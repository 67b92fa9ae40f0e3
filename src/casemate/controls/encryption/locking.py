"""A lock between processes, for the time of one change to a file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from casemate.core.errors import KeyStoreDown

PATIENCE = 30.0
"""Seconds to wait for whoever holds the lock."""


@contextmanager
def locked(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of a file, so that two changes at once become one after the other.

    The lock is on a hidden file beside it, which stays: it is empty. A process that dies lets go of it.

    Raises:
        KeyStoreDown: somebody else held it all the time.
        OSError: the folder does not exist or is not writable.
    """
    beside = path.with_name(f".{path.name}.lock")
    number = os.open(beside, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        end = time.monotonic() + patience
        while not _taken(number):
            if time.monotonic() > end:
                raise KeyStoreDown(
                    f"another process has been changing the key store for {patience:.0f} s",
                    where=str(path),
                    why="two changes at once could lose a key",
                    fix="wait for it, or end it, and try again",
                )
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
