"""Failures of databases, told as errors that say what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from casemate.core.errors import CasemateError, StoreBusy, StoreDamaged, StoreError, StoreUnreachable

DAMAGE = ("malformed", "not a database", "corrupt", "disk image", "no such table", "no such column", "does not exist")
BUSY = ("locked", "busy", "timeout", "deadlock")
REFUSED = ("readonly", "read-only", "permission", "unable to open", "connect", "connection", "authentication")


@contextmanager
def told(shown: str) -> Iterator[None]:
    """Turn a database's own errors into errors of the store.

    Args:
        shown: the address, without secrets.

    Raises:
        StoreError: instead of whatever the database's driver raised.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except CasemateError:
        raise
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise _meant(error, shown) from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "psycopg":
            raise
        raise _meant(error, shown) from None


def _meant(error: Exception, shown: str) -> StoreError:
    """The error of the store that a driver's error amounts to. The driver's words hold no password: it has none."""
    said = _words(error)
    low = said.lower()
    if any(word in low for word in BUSY):
        return StoreBusy(
            f"the store is in use by another process: {said}", where=shown, fix="try again when it has finished"
        )
    if "full" in low or "no space" in low:
        return StoreError(
            f"the store cannot be written: {said}", where=shown, why="nothing of this was recorded", fix="make room"
        )
    if "append-only" in low:
        return StoreError(
            "a row of the lineage was to be changed or deleted", where=shown, why="the lineage is append-only"
        )
    if any(word in low for word in REFUSED):
        return StoreUnreachable(
            f"the store cannot be opened: {said}", where=shown, fix="check the address, the server and your rights"
        )
    if any(word in low for word in DAMAGE):
        return StoreDamaged(
            f"the store is damaged, or no store of Casemate's: {said}",
            where=shown,
            why="nothing in it can be relied on",
            fix="restore it from a backup; casemate lineage verify says how far its chain holds",
        )
    return StoreError(f"the database refused: {said}", where=shown, fix="run casemate lineage verify")


def _words(error: Exception) -> str:
    """The first line of what the driver said."""
    inner = getattr(error, "orig", None) or error
    return (str(inner).strip().splitlines() or [type(inner).__name__])[0]
