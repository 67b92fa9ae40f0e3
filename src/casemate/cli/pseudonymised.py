"""Pseudonymised: a released table with pseudonyms: the purpose and key epoch that it is of, and what made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from casemate.cli import releasing
from casemate.core.errors import AccessDenied, CasemateError, UnknownName, did_you_mean

if TYPE_CHECKING:
    from casemate.controls.deidentification.source import Source
    from casemate.controls.encryption import KeyStore
    from casemate.controls.privacy.declaration import PseudonymTable
    from casemate.controls.privacy.policy import Policy
    from casemate.controls.pseudonyms import Pseudonymiser


def record_of(table: Path) -> Path:
    """Return where the record of a release lies."""
    return table.with_name(f"{table.name}.release.json")


def read_record(table: Path) -> dict[str, Any]:
    """Return the record beside a released table; nothing where it has none.

    Raises:
        CasemateError: what lies there is none.
    """
    import msgspec

    path = record_of(table)
    if not path.is_file():
        return {}
    try:
        found: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        plan = found["plan"]
        found["plan"] = {**plan, "purpose": str(plan["purpose"]), "key-epoch": str(plan["key-epoch"])}
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise CasemateError(
            f"{path.name} is no record of a release: {error}",
            where=str(path),
            fix="restore it, or move it away and say of which purpose and key epoch the table is",
        ) from None
    return found


def purpose_and_epoch(
    rules: Policy, table: Path, record: Mapping[str, Any], purpose: str | None
) -> tuple[str, str | None]:
    """Return the purpose that a table was released for, and the key epoch that its record tells of.

    Args:
        rules: the policy.
        table: the released table.
        record: what lies beside it.
        purpose: the purpose that was asked for; None for that of the record.

    Raises:
        UnknownName: nobody says which purpose, or the policy knows none of that name.
    """
    told = record.get("plan", {})
    chosen, known = purpose or told.get("purpose") or "", rules.declared.purposes
    if chosen not in known:
        what = f"the policy knows no purpose {chosen!r}.{did_you_mean(chosen, known)}" if chosen else (
            f"nobody says which purpose {table.name} was released for"
        )  # fmt: skip
        fix = f"add --purpose, one of: {', '.join(known)}"
        raise UnknownName(what, where=rules.where("purposes"), why="every purpose has keys of its own", fix=fix)
    return chosen, told.get("key-epoch") if told.get("purpose") == chosen else None


def pseudonyms_of(rules: Policy, column: str) -> PseudonymTable:
    """Return what the policy says of a column's pseudonyms.

    Raises:
        UnknownName: it says nothing.
    """
    held = {name: one.pseudonym for name, one in rules.columns.items() if one.pseudonym is not None}
    if column not in held:
        raise UnknownName(
            f"the policy gives no pseudonyms to a column {column!r}.{did_you_mean(column, held)}",
            where=rules.where("columns"),
            fix=f"columns with pseudonyms are: {', '.join(held) or 'none'}",
        )
    found = held[column]
    assert found is not None
    return found


def pseudonymiser_of(rules: Policy, store: KeyStore, column: str, purpose: str, epoch: str) -> Pseudonymiser:
    """Return what makes a column's pseudonyms for a purpose in a key epoch.

    Raises:
        SecretError: the data set's key cannot be had.
    """
    from casemate.controls.encryption import pseudonym_master
    from casemate.controls.pseudonyms import column_pseudonymiser

    table, dataset = pseudonyms_of(rules, column), rules.declared.dataset
    return column_pseudonymiser(
        table.kind,
        pseudonym_master(store, dataset),
        dataset=dataset,
        column=column,
        purpose=purpose,
        epoch=epoch,
        alphabet=table.alphabet,
    )


def refusal(rules: Policy, column: str, role: str) -> AccessDenied | None:
    """Return why a role may not turn a column's pseudonyms back; None where it may. The attempt must be recorded."""
    table = pseudonyms_of(rules, column)
    if role in table.reversible_by:
        return None
    allowed = ", ".join(table.reversible_by) or "nobody"
    return AccessDenied(
        f"{role!r} may not turn back {column!r}; the policy allows: {allowed}",
        where=rules.where("columns", column, "pseudonym", "reversible-by"),
        why="the attempt was recorded",
        fix="ask one of them, or have the policy changed",
    )


def as_it_stands(table: Path, store: KeyStore) -> Source:
    """Open a released table; every value of a text file stays the text that it is, with the zeros that it starts with.

    Raises:
        DataError: see `casemate.controls.deidentification.source.open_source`.
        SecretError: the keys cannot be had.
    """
    import polars as pl

    source = releasing.source_of(table, store)
    return source if source.format != "csv" else replace(source, schema=dict.fromkeys(source.columns, pl.String))


def check_column(source: Source, column: str) -> None:
    """Raise UnknownName where a table has no such column."""
    if column not in source.columns:
        hint = did_you_mean(column, source.columns)
        raise UnknownName(f"{source.name} has no column {column!r}.{hint}", fix=f"it has: {', '.join(source.columns)}")
