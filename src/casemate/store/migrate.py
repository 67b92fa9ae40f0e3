"""Migrations: a store is brought up to date when it is opened, in one transaction, and never taken back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from casemate.core.errors import StoreDamaged, StoreTooNew

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory
    from sqlalchemy import Connection

    from casemate.store.engine import Store

NEWEST = "0001"
"""The revision that this Casemate writes; the newest in ``migrations/``."""

FOLDER = Path(__file__).parent / "migrations"
VERSION_TABLE = "casemate_version"


def bring_up_to_date(store: Store) -> None:
    """Bring a store to the newest revision.

    Raises:
        StoreDamaged: a database that holds something else.
        StoreTooNew: written by a newer Casemate.
    """
    with store.reading() as connection:
        if _revision(connection, store.shown) == NEWEST:
            return
    with store.appending() as connection:  # another process may have done it while we waited for the lock
        revision = _revision(connection, store.shown)
        if revision == NEWEST:
            return
        if revision is not None and revision not in revisions():
            raise StoreTooNew(
                f"the store was written by a newer Casemate (its revision is {revision}, the newest known here is "
                f"{NEWEST})",
                where=store.shown,
                why="an older one would not understand what it holds",
                fix="pip install --upgrade casemate",
            )
        _upgrade(connection)


def scripts() -> ScriptDirectory:
    """Return the migrations that came with this Casemate."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(FOLDER), version_locations=[str(FOLDER)])


def revisions() -> list[str]:
    """Return the revisions that are known here, the newest first."""
    return [script.revision for script in scripts().walk_revisions()]


def _revision(connection: Connection, shown: str) -> str | None:
    """The revision of a store; None where the database is empty."""
    from sqlalchemy import inspect

    names = inspect(connection).get_table_names()
    if VERSION_TABLE in names:
        found = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalars().all()  # noqa: S608
        if len(found) == 1:
            return str(found[0])
    elif not names:
        return None
    raise StoreDamaged(
        "this database is not a store of Casemate's",
        where=shown,
        why=f"it holds tables ({', '.join(sorted(names)[:3])}, ...), but not which version of Casemate made them",
        fix="give the lineage a database of its own",
    )


def _upgrade(connection: Connection) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    script = scripts()

    def steps(revision: Any, _: object) -> Any:
        return script._upgrade_revs("head", revision)

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, version_table=VERSION_TABLE, transactional_ddl=True)
        environment.run_migrations()
