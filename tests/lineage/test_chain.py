import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from casemate.core.errors import CasemateError, ChainBroken, StoreDamaged
from casemate.lineage import Lineage, Model
from casemate.store import tables
from lineages import DEIDENTIFY, PUBLIC, RAW, run, version

TABLES = [table.name for table in (tables.entry, *tables.CHAINED, tables.edge)]
EMPTY = {
    "dataset_end",
    "model_decision",
    "subject_index",
    "installation",
    "erasure",
    "finding",
    "assessment",
    "key_epoch",
}


def fill(lineage: Lineage) -> None:
    lineage.record(DEIDENTIFY)
    lineage.record(run([RAW], [PUBLIC]))
    model = lineage.record_model(Model("credit", "m" * 64), [PUBLIC], actor="anna")
    lineage.consume("shop", lineage.deploy("prod", model, actor="ops"), actor="ops")
    moved = version("crm.people", rows=10, location="/elsewhere", roles={"age": "feature"})
    lineage.record(run([moved], [version("last")]))


@pytest.fixture
def filled(lineage: Lineage) -> Iterator[Lineage]:
    fill(lineage)
    return lineage


def tamper(lineage: Lineage, statement: str) -> None:
    """Change the database as somebody would who may do everything with it."""
    with lineage.store.appending() as connection:
        if lineage.store.path:
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            for name in names:
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("SET session_replication_role = replica"))
        connection.execute(text(statement))
        if not lineage.store.path:
            connection.execute(text("SET session_replication_role = origin"))


@pytest.mark.parametrize("table", sorted(set(TABLES) - EMPTY))
def test_any_changed_value_is_found_and_its_entry_named(table: str, local: Lineage) -> None:
    fill(local)
    assert local.verify().entries == 6
    tamper(local, "SELECT 1")
    whole = tables.metadata.tables[table]
    with local.store.reading() as connection:
        rows = connection.execute(text(f'SELECT rowid AS here, * FROM "{table}"')).mappings().all()
    for row in (rows[0], rows[-1]):
        for column in whole.columns:
            number = column.type.python_type is int
            value = (row[column.name] or 0) + 1000 if number else f"{row[column.name] or ''}x"
            change(local, table, column.name, value, row["here"])
            with pytest.raises(ChainBroken) as caught:
                local.verify()
            told = f"{caught.value.what} {caught.value.where}"
            assert "entry" in told or "no entry recorded" in told
            moved = isinstance(value, int) and len(whole.primary_key) == 1 and column.primary_key
            change(local, table, column.name, row[column.name], value if moved else row["here"])
    assert local.verify().entries == 6


def change(lineage: Lineage, table: str, column: str, value: object, row: object) -> None:
    with lineage.store.appending() as connection:
        statement = f'UPDATE "{table}" SET "{column}" = :value WHERE rowid = :row'
        connection.execute(text(statement), {"value": value, "row": row})


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE edge SET target = target + 1 WHERE id = 2", "entry 1 "),
        ("UPDATE run SET started = 'never' WHERE entry = 2", "entry 2 "),
        ("UPDATE model_version SET name = 'debit'", "entry 3 "),
        ("UPDATE deployment SET model = 1", "entry 4 "),
        ("UPDATE entry SET actor = 'nobody' WHERE id = 5", "entry 5 "),
        ("UPDATE text SET body = 'because' WHERE id = (SELECT max(id) FROM text)", "entry 6 "),
        ("UPDATE text SET salt = NULL, body = 'because' WHERE id = (SELECT max(id) FROM text)", "entry 6 "),
        ("DELETE FROM edge WHERE id = 1", "entry 1 "),
        ("DELETE FROM dataset_column WHERE id = (SELECT max(id) FROM dataset_column)", "entry 6 "),
        ("DELETE FROM entry WHERE id = 2", "entry 3 "),
        ("INSERT INTO edge VALUES (999, 1, 2, 3)", "no entry recorded: edge"),
        ("INSERT INTO job VALUES (9999, 99, 'x')", "no entry recorded: job"),
        ("INSERT INTO run_input VALUES (2, 9, 1)", "entry 2 "),
        ("DELETE FROM entry WHERE id = 6", "no entry recorded"),
    ],
)
def test_tampering_is_found_in_both_engines(filled: Lineage, statement: str, told: str) -> None:
    tamper(filled, statement)
    with pytest.raises(ChainBroken) as caught:
        filled.verify()
    assert told in caught.value.what + " "


def test_an_end_that_was_cut_off_cleanly_is_found_by_a_hash_kept_elsewhere(filled: Lineage) -> None:
    kept = filled.head.hash
    tamper(filled, "DELETE FROM edge WHERE id > (SELECT last_edge FROM entry WHERE id = 5)")
    for table in (*tables.CHAINED, tables.entry):
        key = "id" if table is tables.entry else "entry"
        tamper(filled, f"DELETE FROM {table.name} WHERE {key} = 6")
    assert filled.verify().entries == 5
    with pytest.raises(ChainBroken, match="kept elsewhere"):
        filled.verify(kept)


def test_a_chain_goes_on_where_it_ended(filled: Lineage, address: str) -> None:
    heads = [filled.head.hash]
    with Lineage.open(address) as again:
        again.record(DEIDENTIFY)
        heads.append(again.head.hash)
    for head in heads:
        assert filled.verify(head).entries == 7


def test_a_damaged_file_is_an_error_and_not_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with Lineage.open(path) as lineage:
        fill(lineage)
        lineage.store.engine.dispose()
        with sqlite3.connect(path) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
    whole = path.read_bytes()
    for page in (1, len(whole) // 4096 // 2, len(whole) // 4096 - 1):
        path.write_bytes(whole[: page * 4096] + b"\xff" * 4096 + whole[(page + 1) * 4096 :])
        with pytest.raises((StoreDamaged, ChainBroken)), Lineage.open(path) as lineage:
            lineage.verify()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CasemateError), Lineage.open(path) as lineage:
        lineage.verify()


def test_a_data_set_without_known_columns_is_recorded_and_verified(lineage: Lineage) -> None:
    lineage.record(run([version("bare", columns=())], []))
    lineage.record(run([version("bare", columns=())], [version("made", columns=())]))
    assert lineage.verify().entries == 2
