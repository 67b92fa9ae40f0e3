"""0001: the tables of lineage, and the triggers that keep them append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

TABLES: dict[str, tuple[str, ...]] = {
    "text": ("commitment", "salt?", "body?"),
    "dataset_version": ("name", "digest", "location#", "rows#", "!name,digest"),
    "dataset_column": ("dataset#", "name", "role", "!dataset,name"),
    "dataset_sighting": ("dataset#", "location#", "rows#"),
    "column_role": ("column#", "role"),
    "dataset_end": ("dataset#", "method", "reason#"),
    "job": ("name", "!name"),
    "purpose": ("name", "about#", "!name"),
    "key_epoch": ("name", "epoch", "status"),
    "edge_detail": ("kind", "masking#", "transformation", "why#"),
    "model_version": ("name", "digest", "location#", "facts#", "!name,digest"),
    "model_decision": ("model#", "choice", "reason#"),
    "deployment": ("name", "model#", "location#"),
    "consumer": ("name", "about#", "!name"),
    "subject_index": ("dataset#", "column", "rows#", "bits#", "file", "digest"),
    "installation": ("public_key", "!public_key"),
    "assessment": ("digest", "system", "verdict", "location#"),
    "finding": ("assessment#", "node#", "attack", "verdict", "reason#"),
}
"""Things with an id and the entry that made them. # a number, ? may be emptied, ! unique together."""


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "entry", _number("id", key=True), *_columns("kind", "at", "actor", "last_id#", "last_edge#", "previous", "hash")
    )
    for name, columns in TABLES.items():
        op.create_table(name, _number("id", key=True), _number("entry"), *_columns(*columns))
    run = ("job#", "started", "finished", "purpose#", "policy_digest", "key_epoch", "status", "facts#")
    op.create_table("run", _number("entry", key=True), *_columns(*run))
    for name in ("run_input", "run_output"):
        op.create_table(name, _number("entry", key=True), _number("place", key=True), _number("dataset"))
    op.create_table("erasure", _number("entry", key=True), *_columns("reference", "reason#", "facts#"))
    op.create_table("edge", _number("id", key=True), *_columns("source#", "target#", "detail#"))
    op.create_table("edge_summary", _number("edge", key=True), *_columns("entry#", "before#", "after#"))
    op.create_index("deployment_name", "deployment", ["name"])
    op.create_index("dataset_sighting_dataset", "dataset_sighting", ["dataset"])
    op.create_index("column_role_column", "column_role", ["column"])
    op.create_index("subject_index_dataset", "subject_index", ["dataset"])
    every = ("entry", *TABLES, "run", "run_input", "run_output", "erasure", "edge", "edge_summary")
    if op.get_context().dialect.name == "sqlite":
        _guard_sqlite(every)
    else:
        _guard_postgresql(every)


def _number(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, NUMBER, primary_key=key, autoincrement=False, nullable=False)


def _columns(*words: str) -> list[sa.Column[int] | sa.Column[str] | sa.UniqueConstraint]:
    made: list[sa.Column[int] | sa.Column[str] | sa.UniqueConstraint] = []
    for word in words:
        if word.startswith("!"):
            made.append(sa.UniqueConstraint(*word[1:].split(",")))
        elif word.endswith("#"):
            made.append(_number(word[:-1]))
        else:
            made.append(sa.Column(word.rstrip("?"), sa.Text, nullable=word.endswith("?")))
    return made


EMPTIED = """NEW.id = OLD.id AND NEW.entry = OLD.entry AND NEW.commitment = OLD.commitment
    AND NEW.salt IS NULL AND NEW.body IS NULL"""
"""All that may become of a text: its words are taken away."""


def _guard_sqlite(tables: tuple[str, ...]) -> None:
    for name in tables:
        refuse = f"SELECT RAISE(ABORT, '{name} is append-only')"
        unless = f" WHEN NOT ({EMPTIED})" if name == "text" else ""
        op.execute(f"CREATE TRIGGER {name}_keeps BEFORE UPDATE ON {name}{unless} BEGIN {refuse}; END")
        op.execute(f"CREATE TRIGGER {name}_stays BEFORE DELETE ON {name} BEGIN {refuse}; END")


def _guard_postgresql(tables: tuple[str, ...]) -> None:
    op.execute(
        "CREATE FUNCTION casemate_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for name in tables:
        unless = f" WHEN (NOT ({EMPTIED}))" if name == "text" else ""
        call = "EXECUTE FUNCTION casemate_refuse()"
        op.execute(f"CREATE TRIGGER {name}_keeps BEFORE UPDATE ON {name} FOR EACH ROW{unless} {call}")
        op.execute(f"CREATE TRIGGER {name}_stays BEFORE DELETE ON {name} FOR EACH ROW {call}")
        op.execute(f"CREATE TRIGGER {name}_whole BEFORE TRUNCATE ON {name} FOR EACH STATEMENT {call}")
