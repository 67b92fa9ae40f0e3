"""casemate deidentify: make a table safe to release, attack it, and only then write it."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from casemate.cli import outputs, releasing
from casemate.cli.progress import rows_bar
from casemate.cli.tracing import actor, store_of
from casemate.core.errors import CasemateError, SchemaDrift

if TYPE_CHECKING:
    import polars

    from casemate.assess.release_job import Job, Record
    from casemate.assess.release_record import Outcome
    from casemate.controls.privacy.plan import Plan
    from casemate.controls.privacy.policy import Policy
    from casemate.core.provenance import Run


def command(
    table: Path,
    /,
    *,
    purpose: str,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    policy: Path = Path("privacy.toml"),
    minimal: Path | None = None,
    engine: Literal["memory", "disk", "ray"] = "memory",
    memory: Annotated[str, Parameter(metavar="SIZE")] = "4GB",
    report: Annotated[list[str] | None, Parameter(metavar="FORMAT=PATH")] = None,
    keys: Annotated[str | None, Parameter(metavar="URI")] = None,
    lineage: Annotated[str | None, Parameter(metavar="URL")] = None,
    allow_broken: Annotated[str | None, Parameter(metavar="REASON")] = None,
    dry_run: bool = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Make a table safe to release, attack it, and only then write it.

    What becomes of each column is what the privacy policy says, for one purpose. The outcome is measured and attacked,
    and written only where it holds: groups of k rows are not enough. Beside it lies OUTPUT.release.json, which says
    what was done and how labels are read. Exits with 0 written, 1 broken, 2 could not run, 3 inconclusive.

    Args:
        table: The raw table: Parquet, sealed or open, or delimited text.
        purpose: A purpose of the policy.
        output: Where the de-identified table goes: Parquet, or CSV where the name ends so.
        policy: The privacy policy.
        minimal: A record of casemate minimise, for a purpose that may see "minimal" columns.
        engine: In memory; on disk, for tables larger than the memory; or on Ray. The outcome is the same.
        memory: What may be held while rows are put in order on disk.
        report: Write the attacks' report, for example html=report.html; may be repeated.
        keys: The key store. Default: the policy's.
        lineage: The lineage store.
        allow_broken: Write it although it did not withstand the attacks; the reason goes into the lineage.
        dry_run: Print the plan, and neither read nor write data.
        quiet: Print neither progress nor the result.
    """
    from casemate.controls.deidentification.sorting import memory_bytes
    from casemate.controls.privacy.policy import read_policy

    asked = Asked(table, purpose, output, engine, memory, keys, lineage, (allow_broken or "").strip())
    wanted = outputs.parse(report or [])
    memory_bytes(memory)
    if allow_broken is not None and not asked.allow_broken:
        raise CasemateError("--allow-broken needs a reason", fix='for example --allow-broken "approved by the DPO"')
    rules = read_policy(policy)
    _check_gate(rules)
    needed = _minimal(minimal)
    if dry_run:
        from casemate.cli.release_page import show_plan

        show_plan(_planned_only(rules, asked, needed))
        return 0
    if output is None:
        raise CasemateError("--output is missing", fix="say where the table goes, or add --dry-run to see the plan")
    done = _released(rules, asked, output, needed, quiet=quiet)
    outputs.write(wanted, replace(done.assessment, command=_shell(asked, policy, minimal, report or [])), quiet=quiet)
    if not quiet:
        from casemate.cli.release_page import show_outcome

        show_outcome(done, {one.format: one.path for one in wanted})
    return done.exit_code


@dataclass(frozen=True)
class Asked:
    """What the command line says."""

    table: Path
    purpose: str
    output: Path | None
    engine: Literal["memory", "disk", "ray"]
    memory: str
    keys: str | None
    lineage: str | None
    allow_broken: str


def _shell(asked: Asked, policy: Path, minimal: Path | None, reports: Sequence[str]) -> str:
    """Return the command that was run, for its report. Not where the lineage is: an address may hold a password."""
    words = ["casemate", "deidentify", str(asked.table)]
    given = {"--purpose": asked.purpose, "--output": asked.output, "--policy": policy, "--minimal": minimal}
    given |= {"--engine": asked.engine, "--memory": asked.memory, "--keys": asked.keys}
    given["--allow-broken"] = asked.allow_broken or None
    usual = {"--policy": "privacy.toml", "--engine": "memory", "--memory": "4GB"}
    for option, value in given.items():
        if value is not None and str(value) != usual.get(option):
            words += [option, str(value)]
    return shlex.join([*words, *(word for one in reports for word in ("--report", one))])


def recorder(lineage: str | None) -> Record:
    """Return what keeps a run, and the people of its data sets, in the lineage store."""

    def keep(run: Run, people: Mapping[str, polars.Series]) -> int:
        from casemate.lineage import Lineage

        address = store_of(lineage)
        if "://" not in address:
            Path(address).parent.mkdir(parents=True, exist_ok=True)
        with Lineage.open(address) as record:
            return record.record(run, subjects=people)

    return keep


def _released(rules: Policy, asked: Asked, output: Path, minimal: Sequence[str] | None, *, quiet: bool) -> Outcome:
    from casemate.assess.release_job import release

    releasing.check_output(rules, output, asked.table)
    job = _job(rules, asked, output, minimal)
    try:
        with rows_bar(quiet=quiet) as watch:
            return release(job, recorder(asked.lineage), watch or (lambda *_: None))
    except KeyboardInterrupt as stop:
        stop.add_note(f"nothing was written: {output} is as it was")
        raise


def _job(rules: Policy, asked: Asked, output: Path, minimal: Sequence[str] | None) -> Job:
    """Return the job, everything that it needs looked up."""
    from casemate.assess.release_job import Job, recorded
    from casemate.assess.release_record import version_of
    from casemate.controls.privacy.plan import make_plan

    started = datetime.datetime.now(datetime.UTC)
    store = releasing.store_of(rules, asked.keys)
    source = releasing.source_of(asked.table, store)
    location = str(asked.table)
    try:
        left_out = rules.check(source.schema, location)
    except SchemaDrift as error:
        raw = version_of(source, rules, location)
        raise recorded(recorder(asked.lineage), error, raw, rules, asked.purpose, actor(), started) from None
    sealed = rules.declared.encryption.at_rest == "parquet"

    def planned(secrets: object = None) -> Plan:
        return make_plan(
            rules,
            asked.purpose,
            source.columns,
            left_out=left_out,
            minimal=minimal,
            secrets=secrets,  # type: ignore[arg-type]
            sealed=sealed,
        )

    plan = planned()
    keyed = any(step.keyed for step in plan.steps)
    releasing.check_keys(store, releasing.keys_of(rules, plan.publish, keyed=keyed))
    if keyed:
        plan = planned(releasing.secrets_of(rules, asked.purpose, store))
    return Job(
        source=source,
        policy=rules,
        plan=plan,
        output=output,
        actor=actor(),
        location=location,
        engine=asked.engine,
        memory=asked.memory,
        seal=releasing.seal_of(rules, plan.publish, store),
        allow_broken=asked.allow_broken,
    )


def _planned_only(rules: Policy, asked: Asked, minimal: Sequence[str] | None) -> Plan:
    """Return the plan for a table of which only the columns are read; for none, for the declared columns."""
    from casemate.controls.privacy.plan import make_plan

    columns: Sequence[str] = tuple(rules.columns)
    left_out: Sequence[str] = ()
    if asked.table.exists():
        source = releasing.source_of(asked.table, releasing.store_of(rules, asked.keys))
        columns, left_out = source.columns, rules.check(source.schema, str(asked.table))
    csv = asked.output is not None and asked.output.name.lower().endswith(".csv")
    sealed = rules.declared.encryption.at_rest == "parquet" and not csv
    return make_plan(rules, asked.purpose, columns, left_out=left_out, minimal=minimal, sealed=sealed)


def _check_gate(rules: Policy) -> None:
    from casemate.assess.release import release_attacks

    known = release_attacks()
    threats = {attack.threat for attack in known.values()}
    rules.check_attacks({*known, *(id.partition(".")[2] for id in known), *threats})


def _minimal(path: Path | None) -> tuple[str, ...] | None:
    if path is None:
        return None
    from casemate.controls.minimisation.record import read_minimal

    return tuple(left.name for left in read_minimal(path).kept)
