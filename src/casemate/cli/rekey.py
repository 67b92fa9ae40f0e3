"""casemate rekey: pseudonyms of one key epoch replaced by those of another, in a released table or as a map."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from casemate.cli import pseudonymised, releasing
from casemate.cli.progress import rows_bar
from casemate.cli.rekeying import Log, Use, write_map, write_table
from casemate.cli.screen import err
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    from casemate.assess.release_job import Seal
    from casemate.controls.deidentification.rekeying import Change
    from casemate.controls.deidentification.source import Source
    from casemate.controls.encryption import KeyStore
    from casemate.controls.privacy.policy import Policy


def command(
    table: Path,
    /,
    *,
    why: str,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    map: Path | None = None,
    role: Annotated[str, Parameter(name="--as", metavar="ROLE")] = "",
    to: Annotated[str | None, Parameter(metavar="EPOCH")] = None,
    old: Annotated[str | None, Parameter(name="--from", metavar="EPOCH")] = None,
    raw: Annotated[Path | None, Parameter(metavar="TABLE")] = None,
    column: Annotated[list[str] | None, Parameter(metavar="COLUMN")] = None,
    purpose: str | None = None,
    policy: Path = Path("privacy.toml"),
    keys: Annotated[str | None, Parameter(metavar="URI")] = None,
    lineage: Annotated[str | None, Parameter(metavar="URL")] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Replace the pseudonyms of one key epoch by those of another.

    Either a released table is written again, its rows in their order, sealed as the policy says; or a map from old to
    new pseudonyms, for whatever else holds them. Pseudonyms with a way back are turned back on the way, which takes a
    role that the policy's reversible-by names; those of the kind hmac have none, and are found again in the raw table.
    What was moved or blurred stays as it is. Every use and every refusal goes into the lineage.

    Args:
        table: The released table.
        why: The reason, for the lineage.
        output: Write the table with new pseudonyms here: Parquet, or CSV where the name ends so.
        map: Write the map here instead, CSV or Parquet, for your eyes only: it is as secret as the keys.
        role: The role you act in, such as dpo. Not needed where all pseudonyms are of the kind hmac.
        to: The new key epoch. Default: that of the purpose, as the policy says.
        old: The key epoch that the table was released under. Default: what the record beside it says.
        raw: The raw table, for columns of the kind hmac.
        column: With --map: a column of pseudonyms; may be repeated. Default: all of the table's.
        purpose: The purpose that the table was released for. Default: what the record beside it says.
        policy: The privacy policy.
        keys: The key store. Default: the policy's.
        lineage: The lineage store.
        quiet: Print no remarks.
    """
    from casemate.controls.privacy.policy import read_policy

    started = datetime.datetime.now(datetime.UTC)
    target = _target(table, output, map, column, why)
    rules = read_policy(policy)
    store = releasing.store_of(rules, keys)
    source = pseudonymised.as_it_stands(table, store)
    use = _use(rules, table, source, role, why.strip(), (purpose, old, to), column or (), started)
    seal = _seal(rules, source, store, target) if map is None else None
    log = Log(use, rules, source, table, lineage)
    if old and not quiet:
        _warn(rules, use)
    _check_roles(rules, use, log)
    with rows_bar(quiet=quiet) as shown:
        watch = shown or (lambda *_: None)
        try:
            changes = _changes(rules, store, use, raw, log)
            if seal is None:
                write_map(source, changes, target, log, watch)
            else:
                write_table(source, changes, target, seal, log, watch)
        except CasemateError:
            if not log.kept:
                log.keep("failed")
            raise
        except KeyboardInterrupt as stop:
            stop.add_note(f"nothing was written: {target} is as it was")
            raise
    if not quiet:
        err().print(f"wrote {target}: {', '.join(use.columns)} from epoch {use.old} to {use.new}", soft_wrap=True)
    return 0


def _target(table: Path, output: Path | None, map: Path | None, column: list[str] | None, why: str) -> Path:
    """Return where to write; raise where the command line says nothing, or two things."""
    if not why.strip():
        raise CasemateError("--why needs a reason", fix="say why the keys change; the lineage keeps it")
    target = output or map
    if target is None or (output and map):
        raise CasemateError("a table or a map, and one of both", fix="give --output TABLE, or --map FILE")
    if output and column:
        raise CasemateError(
            "a table is re-keyed as a whole",
            where="--column",
            why="nobody could tell which of its columns are of which epoch",
            fix="leave --column out, or write a --map",
        )
    if target.is_dir():
        raise CasemateError(f"{target} is a folder", where="--output" if output else "--map", fix="name a file in it")
    if target.exists() and table.exists() and target.samefile(table):
        raise CasemateError("the output is the table itself", fix="name another file")
    return target


def _use(
    rules: Policy,
    table: Path,
    source: Source,
    role: str,
    why: str,
    asked: tuple[str | None, str | None, str | None],
    columns: Sequence[str],
    started: datetime.datetime,
) -> Use:
    purpose, old, new = asked
    record = pseudonymised.read_record(table)
    purpose, released = pseudonymised.purpose_and_epoch(rules, table, record, purpose)
    old, new = old or released, new or rules.declared.purposes[purpose].key_epoch
    if not old:
        raise CasemateError(f"nobody says which key epoch {table.name} was released under", fix="add --from EPOCH")
    if old == new:
        raise CasemateError(
            f"the table is of the key epoch {new!r} already",
            where=rules.where("purposes", purpose, "key-epoch"),
            fix="give the purpose a new key-epoch in the policy, or add --to EPOCH",
        )
    for column in columns:
        pseudonymised.check_column(source, column)
        pseudonymised.pseudonyms_of(rules, column)
    held = {name for name, one in rules.columns.items() if one.pseudonym is not None}
    chosen = tuple(columns) or tuple(name for name in source.columns if name in held)
    if not chosen:
        raise CasemateError(
            f"{table.name} has no column of pseudonyms",
            where=rules.where("columns"),
            fix=f"columns with pseudonyms are: {', '.join(sorted(held)) or 'none'}",
        )
    return Use(chosen, role, why, purpose, old, new, started, record)


def _check_roles(rules: Policy, use: Use, log: Log) -> None:
    """Raise AccessDenied where the policy does not let a role turn back one of the columns; the attempt is recorded."""
    for column in use.columns:
        if pseudonymised.pseudonyms_of(rules, column).kind == "hmac":
            continue
        refused = pseudonymised.refusal(rules, column, use.role)
        if refused is not None:
            log.keep("failed")
            raise refused


def _warn(rules: Policy, use: Use) -> None:
    """Say where an epoch that was typed in cannot be checked."""
    for name in use.columns:
        if pseudonymised.pseudonyms_of(rules, name).kind == "ff1":
            told = f"note: pseudonyms of the kind ff1 do not show whether {name} is really of epoch {use.old}"
            err().print(told, soft_wrap=True)


def _changes(rules: Policy, store: KeyStore, use: Use, raw: Path | None, log: Log) -> list[Change]:
    from casemate.controls.deidentification.rekeying import Change

    hashed = [name for name in use.columns if pseudonymised.pseudonyms_of(rules, name).kind == "hmac"]
    if raw and not hashed:
        raise CasemateError("no raw table is needed: there is a way back", where="--raw", fix="leave --raw out")
    values = _raw(rules, store, raw, hashed, log) if raw else {}

    def of(column: str, epoch: str) -> Any:
        return pseudonymised.pseudonymiser_of(rules, store, column, use.purpose, epoch)

    return [Change(name, of(name, use.old), of(name, use.new), values.get(name)) for name in use.columns]


def _raw(rules: Policy, store: KeyStore, path: Path, columns: Sequence[str], log: Log) -> dict[str, Any]:
    """Return the raw values of columns; the lineage is told that they were read."""
    from casemate.core.provenance import DatasetVersion

    source = releasing.source_of(path, store)
    for column in columns:
        pseudonymised.check_column(source, column)
    log.raw = DatasetVersion(rules.declared.dataset, source.digest, str(path), source.rows, source.columns)
    frame = source.whole(columns)
    return {name: frame[name] for name in columns}


def _seal(rules: Policy, source: Source, store: KeyStore, output: Path) -> Seal:
    """Return how the table is sealed, everything that it needs looked up."""
    if source.format == "frame":
        raise CasemateError(f"{source.name} is gzipped", why="its values would not stay as they are", fix="unpack it")
    if source.format == "csv" and not output.name.lower().endswith(".csv"):
        raise CasemateError(
            f"{source.name} is a text file, and says of no column which type it has",
            where="--output",
            fix="name the output .csv",
        )
    releasing.check_output(rules, output, source.path or output)
    releasing.check_keys(store, releasing.keys_of(rules, source.columns, keyed=True))
    return releasing.seal_of(rules, source.columns, store)
