"""Small state of a server that survives its restarts and is shared by its processes: an SQLite file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from casemate.core.errors import StoreDamaged, StoreUnreachable


def opened(path: Path, *statements: str) -> sqlite3.Connection:
    """Return a connection that several threads may use in turn; what it commits is on the disk.

    Args:
        path: of the file; made where there is none, for its owner's eyes only.
        statements: what makes its tables, where they are not there yet.

    Raises:
        StoreUnreachable: the file cannot be made or opened.
        StoreDamaged: it is no such file.
    """
    try:
        path.touch(mode=0o600)
        base = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.OperationalError) as error:
        raise StoreUnreachable(f"the server's state cannot be opened: {error}", where=str(path)) from error
    try:
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", *statements):
            base.execute(statement)
    except sqlite3.Error as error:
        base.close()
        raise StoreDamaged(
            f"the server's state cannot be used: {error}",
            where=str(path),
            why="without it, old messages could be replayed and quotas spent twice",
            fix="restore it from a copy; if it is lost, delete it together with the cached keys",
        ) from error
    return base
