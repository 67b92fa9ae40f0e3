"""casemate reidentify: turn pseudonyms back, for whoever the policy allows, and never without a line in the lineage."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from casemate.cli import pseudonymised, releasing
from casemate.cli.screen import err
from casemate.cli.table import show_table
from casemate.cli.tracing import actor, trace
from casemate.core.errors import CasemateError, UnknownName

if TYPE_CHECKING:
    import polars

    from casemate.controls.encryption import KeyStore
    from casemate.controls.privacy.policy import Policy
    from casemate.core.provenance import DatasetVersion, Run, RunStatus

JOB = "casemate reidentify"
Words = tuple[str, ...]


def command(
    table: Path,
    /,
    *,
    column: str,
    role: Annotated[str, Parameter(name="--as", metavar="ROLE")],
    why: str,
    values: Annotated[list[str] | None, Parameter(metavar="PSEUDONYM")] = None,
    purpose: str | None = None,
    epoch: str | None = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    policy: Path = Path("privacy.toml"),
    keys: Annotated[str | None, Parameter(metavar="URI")] = None,
    lineage: Annotated[str | None, Parameter(metavar="URL")] = None,
) -> int:
    """Turn pseudonyms back, for whoever the policy allows.

    The policy says in reversible-by which roles may; you say which one you act in. Casemate records that, and does not
    prove it: who may run this command, and who may open the key store, is up to the operating system and the key store.
    Every use and every refusal goes into the lineage first, with the reason and the number of values, never the values.

    Args:
        table: The released table.
        column: A column of pseudonyms.
        role: The role you act in, such as dpo.
        why: The reason, for the lineage.
        values: A pseudonym to turn back; may be repeated. Default: all of the column.
        purpose: The purpose that the table was released for. Default: what the record beside it says.
        epoch: The key epoch that it was released under. Default: likewise, else that of the purpose.
        output: Write pseudonyms and values to this CSV or Parquet file, for your eyes only, and not to stdout.
        policy: The privacy policy.
        keys: The key store. Default: the policy's.
        lineage: The lineage store.
    """
    from casemate.controls.privacy.policy import read_policy

    started = datetime.datetime.now(datetime.UTC)
    if not why.strip():
        raise CasemateError("--why needs a reason", fix="say what the values are needed for; the lineage keeps it")
    rules = read_policy(policy)
    use = _use(rules, table, column, role, why.strip(), purpose, epoch, started)
    store = releasing.store_of(rules, keys)
    found = _pseudonyms(table, column, values, store)
    log = _Log(use, rules, table, lineage, len(found))
    _check_role(rules, use, log)
    back = _turned_back(rules, use, store, found, log)
    if output is None:
        log.keep("complete")
        show_table(("Pseudonym", "Value"), [(str(one), str(other)) for one, other in back.iter_rows()])
    else:
        _write(back, output, log)
        err().print(f"wrote {output}", soft_wrap=True)
    return 0


@dataclass(frozen=True)
class Use:
    """One use: of which column, in which role, why, and under which keys."""

    column: str
    role: str
    why: str
    purpose: str
    epoch: str
    started: datetime.datetime


@dataclass(frozen=True)
class _Log:
    """Records a use in the lineage."""

    use: Use
    rules: Policy
    table: Path
    lineage: str | None
    values: int

    def keep(self, status: RunStatus, made: tuple[DatasetVersion, ...] = ()) -> None:
        """Record the use; what cannot be recorded is not done."""
        trace(self._run(status, made), self.lineage)

    def _run(self, status: RunStatus, made: tuple[DatasetVersion, ...]) -> Run:
        from casemate.core.digests import file_digest
        from casemate.core.provenance import ColumnEdge, DatasetVersion, Run

        use = self.use
        name = f"{self.rules.declared.dataset}.{use.purpose}"
        read = DatasetVersion(name, file_digest(self.table), str(self.table), columns=(use.column,))
        edges = tuple(
            ColumnEdge(use.column, column, "reidentify", use.why, source_dataset=name, target_dataset=one.name)
            for one in made
            for column in one.columns
        )
        return Run(
            job=JOB,
            actor=actor(),
            started=use.started,
            finished=datetime.datetime.now(datetime.UTC),
            inputs=(read,),
            outputs=made,
            edges=edges,
            purpose=use.purpose,
            policy_digest=self.rules.digest,
            key_epoch=use.epoch,
            status=status,
            facts={"role": use.role, "why": use.why, "column": use.column, "values": str(self.values)},
        )


def _use(
    rules: Policy,
    table: Path,
    column: str,
    role: str,
    why: str,
    purpose: str | None,
    epoch: str | None,
    started: datetime.datetime,
) -> Use:
    purpose, released = pseudonymised.purpose_and_epoch(rules, table, pseudonymised.read_record(table), purpose)
    return Use(column, role, why, purpose, epoch or released or rules.declared.purposes[purpose].key_epoch, started)


def _check_role(rules: Policy, use: Use, log: _Log) -> None:
    """Raise AccessDenied where the policy does not let a role turn this column back; the attempt is recorded."""
    refused = pseudonymised.refusal(rules, use.column, use.role)
    if refused is not None:
        log.keep("failed")
        raise refused


def _pseudonyms(table: Path, column: str, values: list[str] | None, store: KeyStore) -> polars.Series:
    """Return the distinct pseudonyms to turn back, in order.

    Raises:
        UnknownName: the table has no such column, or does not hold a pseudonym that was asked for.
    """
    import polars as pl

    source = pseudonymised.as_it_stands(table, store)
    pseudonymised.check_column(source, column)
    held = source.whole((column,))[column].drop_nulls().cast(pl.String).unique().sort()
    if values is None:
        return held
    wanted = pl.Series(column, values, dtype=pl.String).unique(maintain_order=True)
    strange = wanted.filter(~wanted.is_in(held.implode()))
    if len(strange):
        raise UnknownName(
            f"{table.name} holds no pseudonym {strange[0]!r} in column {column!r}",
            why="what is turned back must have been released",
            fix="copy it whole from the table",
        )
    return wanted


def _turned_back(rules: Policy, use: Use, store: KeyStore, found: polars.Series, log: _Log) -> polars.DataFrame:
    import polars as pl

    try:
        values = pseudonymised.pseudonymiser_of(rules, store, use.column, use.purpose, use.epoch).reverse(found)
    except CasemateError:
        log.keep("failed")
        raise
    return pl.DataFrame({"pseudonym": found, use.column: values.cast(pl.String)})


def _write(back: polars.DataFrame, output: Path, log: _Log) -> None:
    """Write values for their reader's eyes only, recorded before the file takes its place."""
    from casemate.controls.deidentification.sink import Sink
    from casemate.core.digests import file_digest
    from casemate.core.provenance import DatasetVersion

    with Sink(output) as sink:
        sink.write(back)
        digest = file_digest(sink.finish())
        name = f"{log.rules.declared.dataset}.reidentified"
        made = DatasetVersion(
            name, digest, str(output), back.height, tuple(back.columns), {log.use.column: "identifier"}
        )
        log.keep("complete", (made,))
        sink.publish(private=True)
