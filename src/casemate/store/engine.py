"""Store: one engine for SQLite and PostgreSQL. One process appends at a time; any number read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from casemate.core.errors import StoreUnreachable
from casemate.store.address import parse, shown
from casemate.store.failures import told

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import URL

BUSY_SECONDS = 30
APPEND_LOCK = 7236273635  # any number, the same in every Casemate
PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
)


class Store:
    """A database that is up to date and open.

    Args:
        engine: of SQLAlchemy.
        shown: the address, for a person to read, without secrets.
        path: the file, for SQLite.
    """

    def __init__(self, engine: Engine, shown: str, path: Path | None) -> None:
        self.engine = engine
        self.shown = shown
        self.path = path

    @classmethod
    def open(cls, address: str | Path, *, create: bool = True) -> Store:
        """Open a store, and bring it up to date.

        Args:
            address: the path of an SQLite file, or a URL (see `casemate.store.address.parse`).
            create: whether to make an SQLite file that does not exist yet.

        Raises:
            StoreUnreachable: no such file, server or permission.
            StoreDamaged: not a store of Casemate's.
            StoreTooNew: written by a newer Casemate.
            StoreBusy: another process holds it for longer than `BUSY_SECONDS`.
        """
        from casemate.store.migrate import bring_up_to_date

        url = parse(address)
        name = shown(url)
        path = Path(str(url.database)) if url.drivername == "sqlite" else None
        if path is not None:
            _prepare(path, create)
        store = cls(_engine(url), name, path)
        try:
            with told(name):
                bring_up_to_date(store)
        except BaseException:
            store.close()
            raise
        return store

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one state of the store throughout."""
        with told(self.shown), self.engine.connect() as connection, connection.begin():
            if self.path is None:
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield connection

    @contextmanager
    def appending(self) -> Iterator[Connection]:
        """Yield a connection that alone may append; committed at the end, undone where an error is raised."""
        engine = self.engine.execution_options(casemate_append=True)
        with told(self.shown), engine.connect() as connection, connection.begin():
            if self.path is None:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({APPEND_LOCK})")
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _prepare(path: Path, create: bool) -> None:
    """Make the file, for its owner alone; SQLite would make it for everybody to read."""
    if path.is_dir():
        raise StoreUnreachable("the store is a folder", where=str(path), fix="name a file in it")
    if path.exists():
        return
    if not create:
        raise StoreUnreachable(
            "there is no store of lineage", where=str(path), fix="name one with --store, or record something first"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreUnreachable(
            f"the store cannot be made: {error.strerror}", where=str(path), fix="choose a folder that you may write to"
        ) from None


def _engine(url: URL) -> Engine:
    from sqlalchemy import create_engine, event

    if url.drivername != "sqlite":
        return create_engine(url, connect_args={"connect_timeout": 10}, hide_parameters=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say, and hold changes of the schema too
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("casemate_append")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
