"""Re-keying: what casemate rekey writes, each recorded in the lineage before it takes its place."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from casemate.cli import pseudonymised
from casemate.cli.tracing import actor, trace

if TYPE_CHECKING:
    from casemate.assess.release_job import Seal
    from casemate.controls.deidentification.rekeying import Change
    from casemate.controls.deidentification.source import Source
    from casemate.controls.deidentification.work import Watch
    from casemate.controls.privacy.policy import Policy
    from casemate.core.provenance import ColumnEdge, DatasetVersion, RunStatus

JOB = "casemate rekey"


@dataclass(frozen=True)
class Use:
    """One use: of which columns, in which role, why, for which purpose, and from which key epoch to which.

    ``record`` is what lies beside the table; empty for nothing.
    """

    columns: tuple[str, ...]
    role: str
    why: str
    purpose: str
    old: str
    new: str
    started: datetime.datetime
    record: Mapping[str, Any]


@dataclass
class Log:
    """Records one use in the lineage.

    Args:
        use: what is done.
        rules: the policy.
        source, table: the released table, and where it was found.
        lineage: the store that the command line names.
        raw: the raw table, where it is read.
        kept: whether it was recorded.
    """

    use: Use
    rules: Policy
    source: Source
    table: Path
    lineage: str | None
    raw: DatasetVersion | None = None
    kept: bool = field(default=False, init=False)

    @property
    def name(self) -> str:
        """What the lineage calls the released table."""
        return f"{self.rules.declared.dataset}.{self.use.purpose}"

    def keep(
        self,
        status: RunStatus,
        made: DatasetVersion | None = None,
        edges: Sequence[ColumnEdge] = (),
        *,
        same_rows: bool = False,
    ) -> None:
        """Record the use; what cannot be recorded is not done."""
        from casemate.core.provenance import DatasetVersion, Run

        use = self.use
        read = DatasetVersion(self.name, self.source.digest, str(self.table), self.source.rows, self.source.columns)
        facts = {"role": use.role, "why": use.why, "from": use.old, "to": use.new, "columns": ", ".join(use.columns)}
        run = Run(
            job=JOB,
            actor=actor(),
            started=use.started,
            finished=datetime.datetime.now(datetime.UTC),
            inputs=(read, *((self.raw,) if self.raw else ())),
            outputs=(made,) if made else (),
            edges=tuple(edges),
            purpose=use.purpose,
            policy_digest=self.rules.digest,
            key_epoch=use.new,
            status=status,
            facts={name: value for name, value in facts.items() if value},
        )
        self.kept = True
        trace(run, self.lineage, same_rows=same_rows)

    def edges(self, change: Change, target: str, column: str) -> list[ColumnEdge]:
        """Return what a column of new pseudonyms owes: to the old ones, and to the raw values."""
        from casemate.core.provenance import ColumnEdge

        why, done = self.use.why, f"rekey:{change.new.name}"
        found = [ColumnEdge(change.column, column, done, why, source_dataset=self.name, target_dataset=target)]
        if change.raw is not None and self.raw is not None:
            done, raw = f"pseudonym:{change.new.name}", self.raw.name
            found.append(ColumnEdge(change.column, column, done, why, "direct", True, raw, target))
        return found


def write_table(source: Source, changes: Sequence[Change], output: Path, seal: Seal, log: Log, watch: Watch) -> None:
    """Write the table with new pseudonyms, and its record beside it."""
    from casemate.controls.deidentification import scratch
    from casemate.controls.deidentification.rekeying import rekeyed
    from casemate.controls.deidentification.sink import Sink
    from casemate.core.digests import file_digest
    from casemate.core.provenance import ColumnEdge, DatasetVersion

    scratch.sweep(output)
    with scratch.folder(output) as folder, Sink(output, encryption=seal.columns) as sink:
        for frame in rekeyed(source, changes, watch):
            sink.write(frame)
        part = sink.finish()
        if seal.whole is not None:
            seal.whole(part, folder / "sealed")
            (folder / "sealed").replace(part)
        digest = file_digest(part)
        roles = {name: log.rules.columns[name].role for name in source.columns if name in log.rules.columns}
        made = DatasetVersion(log.name, digest, str(output), source.rows, source.columns, roles)
        edges = [edge for change in changes for edge in log.edges(change, log.name, change.column)]
        edges += [
            ColumnEdge(name, name, "identity", "it stays as it was", source_dataset=log.name, target_dataset=log.name)
            for name in source.columns
            if name not in log.use.columns
        ]
        log.keep("complete", made, edges, same_rows=True)
        sink.publish()
    _write_record(output, digest, log)


def _write_record(output: Path, digest: str, log: Log) -> None:
    """Write the record of the release beside the new table: the same, but for the keys."""
    import msgspec

    from casemate.core.files import write_whole

    use, record = log.use, log.use.record
    if not record:
        return
    told = {"at": use.started.isoformat(timespec="seconds"), "from": use.old, "to": use.new, "of": log.source.digest}
    new = {**record, "digest": digest, "plan": {**record["plan"], "key-epoch": use.new}}
    new["rekeyed"] = [*record.get("rekeyed", []), told]
    write_whole(pseudonymised.record_of(output), msgspec.json.format(msgspec.json.encode(new), indent=2) + b"\n")


def write_map(source: Source, changes: Sequence[Change], path: Path, log: Log, watch: Watch) -> None:
    """Write the map from old pseudonyms to new ones, for its reader's eyes only."""
    from casemate.controls.deidentification.rekeying import rekeying_map
    from casemate.controls.deidentification.sink import Sink
    from casemate.core.digests import file_digest
    from casemate.core.provenance import ColumnEdge, DatasetVersion

    found, name = rekeying_map(source, changes, watch), f"{log.name}.rekey-map"
    with Sink(path) as sink:
        sink.write(found)
        made = DatasetVersion(name, file_digest(sink.finish()), str(path), found.height, tuple(found.columns))
        edges = [edge for change in changes for edge in log.edges(change, name, "new")]
        edges += [
            ColumnEdge(one.column, "old", "identity", log.use.why, source_dataset=log.name, target_dataset=name)
            for one in changes
        ]
        log.keep("complete", made, edges)
        sink.publish(private=True)
