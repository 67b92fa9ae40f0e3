import multiprocessing
import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import select, text

from casemate.core.errors import StoreBusy, StoreDamaged, StoreError, StoreTooNew, StoreUnreachable
from casemate.store import Store, bulk, engine, migrate, tables

ROW = (1, "run", "2026-01-01", "me", 0, 0, "0" * 64, "f" * 64)


def test_migrations_make_exactly_the_tables_that_the_code_knows(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": migrate.VERSION_TABLE})
        assert compare_metadata(context, tables.metadata) == []


def test_the_newest_migration_is_the_one_that_the_code_names() -> None:
    assert migrate.revisions()[0] == migrate.NEWEST


def test_opening_again_changes_nothing(store: Store, address: str) -> None:
    with store.appending() as connection:
        bulk.insert(connection, tables.entry, [ROW])
    again = Store.open(address)
    with again.reading() as connection:
        assert connection.execute(select(tables.entry)).all() == [ROW]
    again.close()


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 431])
def test_rows_go_in_and_come_out_as_they_were(store: Store, count: int) -> None:
    rows = [(i, i * 2**40, -i, 0) for i in range(count)]
    with store.appending() as connection:
        bulk.insert(connection, tables.edge, rows)
    with store.reading() as connection:
        assert list(bulk.select(connection, "SELECT * FROM edge ORDER BY id", "x")) == rows


def test_an_error_undoes_all_of_an_append(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.appending() as connection:
        bulk.insert(connection, tables.entry, [ROW, 1 / 0])  # type: ignore[list-item]
    with store.reading() as connection:
        assert not connection.execute(select(tables.entry)).all()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entry SET actor = 'you'",
        "DELETE FROM entry",
        "UPDATE text SET body = 'other'",
        "UPDATE text SET commitment = 'x', body = NULL, salt = NULL",
        "DELETE FROM text",
    ],
)
def test_nothing_that_was_written_can_be_changed(store: Store, change: str) -> None:
    with store.appending() as connection:
        bulk.insert(connection, tables.entry, [ROW])
        bulk.insert(connection, tables.text, [(1, 1, "c", "s", "b")])
    with pytest.raises(StoreError, match="changed or deleted"), store.appending() as connection:
        connection.execute(text(change))


def test_a_text_may_be_emptied_and_nothing_else(store: Store) -> None:
    with store.appending() as connection:
        bulk.insert(connection, tables.text, [(1, 1, "c", "s", "b")])
    with store.appending() as connection:
        connection.execute(text("UPDATE text SET salt = NULL, body = NULL"))
    with store.reading() as connection:
        assert connection.execute(select(tables.text)).all() == [(1, 1, "c", None, None)]


def test_a_store_of_a_newer_casemate_is_refused(store: Store, address: str) -> None:
    with store.appending() as connection:
        connection.execute(text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(StoreTooNew, match="newer Casemate") as caught:
        Store.open(address)
    assert "upgrade" in str(caught.value.fix)


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreDamaged, match="not a store"):
        Store.open(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
    connection.close()
    assert before[:16] == path.read_bytes()[:16]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, " * 100)
    with pytest.raises(StoreDamaged):
        Store.open(path)
    assert path.read_text().startswith("not a database")


def test_places_where_there_can_be_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnreachable, match="folder"):
        Store.open(tmp_path)
    with pytest.raises(StoreUnreachable, match="no store"):
        Store.open(tmp_path / "missing.db", create=False)
    assert not (tmp_path / "missing.db").exists()
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnreachable, match="cannot be made"):
        Store.open(tmp_path / "file" / "x.db")


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreUnreachable) as caught:
        Store.open("postgresql://me:s3cret@127.0.0.1:1/none")
    assert "s3cret" not in str(caught.value)


def test_the_file_is_its_owners_alone_and_keeps_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "x.db"
    opened = Store.open(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with opened.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
    opened.close()


def test_whoever_waits_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PRAGMAS", ("PRAGMA busy_timeout=1", *engine.PRAGMAS[1:]))
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.001)
    first, second = Store.open(tmp_path / "x.db"), Store.open(tmp_path / "x.db")
    with first.appending(), pytest.raises(StoreBusy), second.appending():
        pass
    first.close()
    second.close()


def _open(address: str) -> None:
    Store.open(address).close()


def test_processes_may_make_the_same_store_at_once(address: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_open, args=(address,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]


@pytest.mark.parametrize("count", [0, 1, 200, 431])
def test_rows_may_be_given_by_column(store: Store, count: int) -> None:
    columns = [range(count), [7] * count, list(range(count, 0, -1)), [0] * count]
    with store.appending() as connection:
        bulk.insert_columns(connection, tables.edge, columns)
    with store.reading() as connection:
        assert list(bulk.select(connection, "SELECT * FROM edge ORDER BY id", "x")) == list(zip(*columns, strict=True))
