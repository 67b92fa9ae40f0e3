"""The tables of the store. Every row belongs to an entry of the chain; no row is ever changed or deleted.

Ids of everything but edges come from one counter, so that data sets, columns, models, deployments and consumers are
nodes of one graph. Free text (places, reasons, facts, summaries) lives in ``text`` alone: the chain covers a
salted commitment to it, so that an erasure may take the words away and the chain still verifies.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, UniqueConstraint

metadata = MetaData()

Number = BigInteger().with_variant(Integer, "sqlite")
"""64 bits everywhere; in SQLite ``INTEGER PRIMARY KEY`` is the row's own number."""


def _number(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, Number, primary_key=key, autoincrement=False, nullable=False)


def _word(name: str, *, optional: bool = False) -> Column[str]:
    return Column(name, Text, nullable=optional)


def _object(name: str, *columns: Column[int] | Column[str], unique: tuple[str, ...] = ()) -> Table:
    """A table of things with ids of the common counter."""
    rules = [UniqueConstraint(*unique)] if unique else []
    return Table(name, metadata, _number("id", key=True), _number("entry"), *columns, *rules)


entry = Table(
    "entry",
    metadata,
    _number("id", key=True),
    _word("kind"),
    _word("at"),
    _word("actor"),
    _number("last_id"),
    _number("last_edge"),
    _word("previous"),
    _word("hash"),
)
text = _object("text", _word("commitment"), _word("salt", optional=True), _word("body", optional=True))
dataset_version = _object(
    "dataset_version",
    _word("name"),
    _word("digest"),
    _number("location"),
    _number("rows"),
    unique=("name", "digest"),
)
dataset_sighting = _object("dataset_sighting", _number("dataset"), _number("location"), _number("rows"))
dataset_column = _object("dataset_column", _number("dataset"), _word("name"), _word("role"), unique=("dataset", "name"))
column_role = _object("column_role", _number("column"), _word("role"))
dataset_end = _object("dataset_end", _number("dataset"), _word("method"), _number("reason"))
job = _object("job", _word("name"), unique=("name",))
purpose = _object("purpose", _word("name"), _number("about"), unique=("name",))
key_epoch = _object("key_epoch", _word("name"), _word("epoch"), _word("status"))
edge_detail = _object("edge_detail", _word("kind"), _number("masking"), _word("transformation"), _number("why"))
model_version = _object(
    "model_version",
    _word("name"),
    _word("digest"),
    _number("location"),
    _number("facts"),
    unique=("name", "digest"),
)
model_decision = _object("model_decision", _number("model"), _word("choice"), _number("reason"))
deployment = _object("deployment", _word("name"), _number("model"), _number("location"))
consumer = _object("consumer", _word("name"), _number("about"), unique=("name",))
subject_index = _object(
    "subject_index",
    _number("dataset"),
    _word("column"),
    _number("rows"),
    _number("bits"),
    _word("file"),
    _word("digest"),
)
installation = _object("installation", _word("public_key"), unique=("public_key",))
assessment = _object("assessment", _word("digest"), _word("system"), _word("verdict"), _number("location"))
finding = _object(
    "finding", _number("assessment"), _number("node"), _word("attack"), _word("verdict"), _number("reason")
)
run = Table(
    "run",
    metadata,
    _number("entry", key=True),
    _number("job"),
    _word("started"),
    _word("finished"),
    _number("purpose"),
    _word("policy_digest"),
    _word("key_epoch"),
    _word("status"),
    _number("facts"),
)
run_input = Table("run_input", metadata, _number("entry", key=True), _number("place", key=True), _number("dataset"))
run_output = Table("run_output", metadata, _number("entry", key=True), _number("place", key=True), _number("dataset"))
erasure = Table(
    "erasure", metadata, _number("entry", key=True), _word("reference"), _number("reason"), _number("facts")
)
edge = Table(
    "edge",
    metadata,
    _number("id", key=True),
    _number("source"),
    _number("target"),
    _number("detail"),
)
edge_summary = Table(
    "edge_summary", metadata, _number("edge", key=True), _number("entry"), _number("before"), _number("after")
)

Index("deployment_name", deployment.c.name)
Index("dataset_sighting_dataset", dataset_sighting.c.dataset)
Index("column_role_column", column_role.c.column)
Index("subject_index_dataset", subject_index.c.dataset)

CHAINED: tuple[Table, ...] = (
    text,
    dataset_version,
    dataset_column,
    dataset_sighting,
    column_role,
    dataset_end,
    job,
    purpose,
    key_epoch,
    edge_detail,
    model_version,
    model_decision,
    deployment,
    consumer,
    subject_index,
    installation,
    assessment,
    finding,
    run,
    run_input,
    run_output,
    erasure,
    edge_summary,
)
"""The tables whose rows an entry's hash covers, in this order; then its edges."""

REDACTABLE = ("salt", "body")
"""The columns of ``text`` that an erasure may empty, and that the hash leaves out."""
