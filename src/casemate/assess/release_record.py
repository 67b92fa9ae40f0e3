"""Release record: what came of a release, as facts for lineage and as a file beside the output. Without secrets."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from casemate.controls.anonymity.grouping import Guarantee
from casemate.controls.anonymity.verification import Anonymity
from casemate.controls.deidentification.witness import Losses
from casemate.controls.privacy.plan import Plan
from casemate.core.assessment import Assessment
from casemate.core.errors import CasemateError, Quarantined
from casemate.core.finding import Finding, Verdict
from casemate.core.provenance import ColumnEdge, DatasetVersion, Run

if TYPE_CHECKING:
    from casemate.controls.deidentification.source import Source
    from casemate.controls.privacy.policy import Policy
    from casemate.core.release import Release

FORMAT = "casemate.release/1"
JOB = "casemate deidentify"
READING = (
    "a..b is any value from a to b, both inclusive; {a, b} is one of these; a name of a hierarchy is any value below "
    "it; * is any value; a value that stands alone is itself"
)
"""How published labels are read."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a release.

    Args:
        plan: what was carried out.
        assessment: the attacks on it.
        rows, suppressed: rows that are published, and that were left out.
        attacked: rows that the attacks saw: all, or whole groups drawn at random.
        anonymity: what the published table guarantees, measured on what was written; None without quasi-identifiers.
        people: people of the smallest group among the attacked rows; None where nobody says whom rows are about.
        losses: how much detail was lost.
        seal: how the output is sealed.
        waiver: why it is given away whatever the attacks say; empty for none.
        digest: SHA-256 of the output.
        path, record: where the output and the file beside it are; None where it was not published.
    """

    plan: Plan
    assessment: Assessment
    rows: int
    suppressed: int
    attacked: int
    anonymity: Anonymity | None
    people: int | None
    losses: Losses
    seal: str
    waiver: str
    digest: str
    path: Path | None = None
    record: Path | None = None

    @property
    def dataset(self) -> str:
        """What the output is called in the lineage; the same for all its versions."""
        return f"{self.plan.dataset}.{self.plan.purpose}"

    @property
    def asked(self) -> Guarantee | None:
        """What every group of rows must fulfil; None where nothing is blurred."""
        return self.plan.guarantee

    @property
    def guaranteed(self) -> bool:
        """Whether the published table holds what was asked of it."""
        return self.asked is None or (self.anonymity is not None and self.anonymity.fulfils(self.asked))

    @property
    def held(self) -> bool:
        """Whether the guarantee holds and every attack that applies was withstood. Groups of k rows are not enough."""
        return self.guaranteed and self.assessment.verdict is Verdict.HELD

    @property
    def may_go(self) -> bool:
        """Whether it may be published."""
        return self.held or bool(self.waiver)

    @property
    def exit_code(self) -> int:
        """0 held or waived, 1 broken, 2 something could not run, 3 inconclusive."""
        if self.may_go:
            return 0
        return self.assessment.exit_code if self.guaranteed else 1

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What became of each attack on the table that is published."""
        return tuple(self.assessment.of("full"))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the owner should know although it may go."""
        found = [*self.plan.warnings, *self.assessment.warnings]
        if self.people is not None and self.asked is not None and self.people < self.asked.k:
            found.append(
                f"people have several rows: the {self.asked.k} rows of a group may be those of {self.people} people; "
                "keep one row of each person, or ask for a larger k"
            )
        return tuple(found)

    def facts(self) -> dict[str, str]:
        """Return what lineage keeps of it."""
        found = {
            "gate": self.assessment.verdict.value,
            "rows": str(self.rows),
            "suppressed": str(self.suppressed),
            "rows-attacked": str(self.attacked),
            "detail-lost": f"{self.losses.mean:.4f}",
            "seal": self.seal,
        }
        measured = self.anonymity
        if measured is not None:
            found |= {"k": str(measured.k), "groups": str(measured.groups)}
            found |= {} if measured.l is None else {"l": str(measured.l)}
            found |= {} if measured.t is None else {"t": f"{measured.t:.4f}"}
        if self.waiver and not self.held:
            found["waiver"] = self.waiver
        return found


def fewest_people(plan: Plan, raw: Release, published: Release) -> int | None:
    """Return of how many people the rows of a group are, at least; None where nobody says, or nothing is blurred.

    Args:
        plan: what was done.
        raw, published: rows of whole groups.
    """
    import polars as pl

    blurred = plan.blurred()
    if plan.subject is None or not blurred or plan.subject not in raw.table.columns or not len(published):
        return None
    whose = raw.table[plan.subject].gather(published.rows).alias("whose" + "_" * max(map(len, blurred)))
    found = published.table.select(blurred).with_columns(whose).group_by(blurred).agg(pl.col(whose.name).n_unique())
    return int(found[whose.name].to_numpy().min())


def version_of(source: Source, policy: Policy, location: str) -> DatasetVersion:
    """Return the version of the raw table that was read."""
    roles = {name: policy.columns[name].role for name in source.columns if name in policy.columns}
    return DatasetVersion(policy.declared.dataset, source.digest, location, source.rows, source.columns, roles)


def failed_run(
    raw: DatasetVersion, policy: Policy, purpose: str, actor: str, started: datetime.datetime, error: CasemateError
) -> Run:
    """Return a run that came to nothing: the kind of error, and nobody's values."""
    return Run(
        job=JOB,
        actor=actor,
        started=started,
        finished=datetime.datetime.now(datetime.UTC),
        inputs=(raw,),
        purpose=purpose,
        policy_digest=policy.digest,
        status="quarantined" if isinstance(error, Quarantined) else "failed",
        facts={"error": type(error).__name__},
    )


def run_of(
    plan: Plan,
    raw: DatasetVersion,
    made: tuple[DatasetVersion, ...],
    actor: str,
    started: datetime.datetime,
    facts: Mapping[str, str],
    samples: tuple[Release, Release],
) -> Run:
    """Return a run as the lineage keeps it: complete where something was written.

    Args:
        plan: what was carried out.
        raw, made: what was read, and what was written, if anything was.
        actor: on whose behalf.
        started: with time zone.
        facts: short facts.
        samples: raw and published rows, from which the columns' summaries are told.
    """
    finished = datetime.datetime.now(datetime.UTC)
    edges = tuple(_summed_up(edge, plan, samples) for edge in plan.edges()) if made else ()
    gone = plan.delete_after(finished.date())
    return Run(
        job=JOB,
        actor=actor,
        started=started,
        finished=finished,
        inputs=(raw,),
        outputs=made,
        edges=edges,
        purpose=plan.purpose,
        policy_digest=plan.policy_digest,
        key_epoch=plan.key_epoch,
        status="complete" if made else "failed",
        facts={**facts, **({"delete-after": gone.isoformat()} if gone and made else {})},
    )


def write_beside(output: Path, outcome: Outcome) -> Path:
    """Write what a reader of the output needs to know beside it; return the file."""
    import msgspec

    from casemate.core.files import write_whole

    path = output.with_name(f"{output.name}.release.json")
    write_whole(path, msgspec.json.format(msgspec.json.encode(described(outcome)), indent=2) + b"\n")
    return path


def described(outcome: Outcome) -> dict[str, Any]:
    """Return what a reader of the output needs to know: its plan, guarantee, losses, and the attacks it withstood.

    The values that the raw table holds are not among it: labels can be read without, and the list of all raw values
    would itself be a release.
    """
    plan, asked, measured = outcome.plan, outcome.asked, outcome.anonymity
    gone = plan.delete_after(datetime.datetime.now(datetime.UTC).date())
    return {
        "format": FORMAT,
        "created": outcome.assessment.created,
        "digest": outcome.digest,
        "rows": outcome.rows,
        "rows-left-out": outcome.suppressed,
        "order": "random, the same for every engine",
        "plan": plan.described(),
        "delete-after": gone.isoformat() if gone else None,
        "reading": READING if plan.blurred() else None,
        "guarantee": {
            "asked": _numbers(asked, ("k", "l", "entropy", "t")),
            "measured": _numbers(measured, ("k", "l", "entropy_l", "t", "groups")),
            "people": outcome.people,
            "holds": outcome.guaranteed,
        },
        "detail-lost": {name: round(share, 6) for name, share in outcome.losses.columns.items()},
        "seal": outcome.seal,
        "gate": {
            "verdict": outcome.assessment.verdict.value,
            "waiver": outcome.waiver if not outcome.held else None,
            "rows-attacked": outcome.attacked,
            "attacks": [_finding(finding) for finding in outcome.findings],
        },
        "warnings": list(outcome.warnings),
    }


def _numbers(of: object, names: tuple[str, ...]) -> dict[str, Any] | None:
    return None if of is None else {name.replace("_", "-"): getattr(of, name) for name in names}


def _finding(finding: Finding) -> dict[str, Any]:
    effect = finding.effect
    return {
        "attack": finding.attack,
        "verdict": finding.verdict.value,
        "reason": finding.reason,
        "effect": None if effect is None else {"value": effect.value, "low": effect.low, "high": effect.high},
        "limit": finding.limit,
    }


def _summed_up(edge: ColumnEdge, plan: Plan, samples: tuple[Release, Release]) -> ColumnEdge:
    """Return an edge with what may be told of the values at both ends."""
    from casemate.lineage.summary import summarise

    if edge.kind != "direct":
        return edge
    raw, published = samples
    role = plan.roles.get(edge.source)
    before = summarise(raw.table[edge.source], role) if edge.source in raw.table.columns else None
    after = summarise(published.table[edge.target], role) if edge.target in published.table.columns else None
    return replace(edge, before=before, after=after)
