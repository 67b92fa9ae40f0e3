"""Plan: what a policy and a purpose make of a table, worked out before a row of it is read."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from casemate.controls.privacy.steps import ColumnStep, Secrets, blurring_control, column_step, guarantee, row_steps
from casemate.core.control import Control
from casemate.core.errors import CasemateError, UnknownName, did_you_mean
from casemate.core.provenance import ColumnEdge
from casemate.core.schema import Role

if TYPE_CHECKING:
    from casemate.controls.anonymity.grouping import Guarantee
    from casemate.controls.deidentification.work import RowStep, Work
    from casemate.controls.privacy.declaration import PurposeTable
    from casemate.controls.privacy.policy import Policy


@dataclass(frozen=True, eq=False)
class Plan:
    """What becomes of a table for one purpose. Immutable; whatever engine carries it out, the outcome is the same.

    Args:
        dataset, purpose: their names.
        policy_digest: content digest of the policy that it follows.
        key_epoch: of the keys that it uses.
        retention_days: days after which its output must be deleted; None for no limit.
        steps: what becomes of every column, in the table's order.
        rows: what changes rows one by one, in order.
        blur: what blurs quasi-identifiers; None where none is published.
        guarantee: what every group of published rows must fulfil; None likewise.
        subject: the column that says whom a row is about; None where the policy names none.
        warnings: what the owner should know although nothing is wrong.
    """

    dataset: str
    purpose: str
    policy_digest: str
    key_epoch: str
    retention_days: int | None
    steps: tuple[ColumnStep, ...]
    rows: tuple[RowStep, ...]
    blur: Control | None
    guarantee: Guarantee | None
    subject: str | None
    warnings: tuple[str, ...] = ()

    @property
    def publish(self) -> tuple[str, ...]:
        """The columns that are published, in order."""
        return tuple(step.column for step in self.steps if not step.dropped)

    @property
    def roles(self) -> Mapping[str, Role]:
        """What each column is to a person."""
        return {step.column: step.role for step in self.steps}

    @property
    def controls(self) -> tuple[Control, ...]:
        """The controls that carry it out, in order; an assessment probes the same objects."""
        return (*(step.control for step in self.rows), *(() if self.blur is None else (self.blur,)))

    def blurred(self) -> tuple[str, ...]:
        """Return the columns that are blurred together."""
        return tuple(s.column for s in self.steps if not s.dropped and any(_blurs(t) for t in s.transformations))

    def of(self, role: Role) -> tuple[str, ...]:
        """Return the published columns of a role, in order."""
        return tuple(step.column for step in self.steps if step.role == role and not step.dropped)

    def work(self, seed: int, order_seed: int) -> Work:
        """Return what an engine has to do.

        Args:
            seed: of every random choice.
            order_seed: of the order of the published rows; 64 bits.
        """
        from casemate.controls.deidentification.work import Work

        needed = {*self.publish, *(name for step in self.rows for name in step.needs), self.subject}
        read = tuple(step.column for step in self.steps if step.column in needed)
        roles = {name: role for name, role in self.roles.items() if name in read}
        # What is covered by a pseudonym is not blurred, whatever else it is.
        roles |= {n: "ignored" for n in read if roles[n] == "quasi-identifier" and n not in self.blurred()}
        return Work(read, roles, self.publish, self.rows, self.blur, seed, order_seed, self.subject)

    def delete_after(self, today: datetime.date) -> datetime.date | None:
        """Return the day after which the output must be gone."""
        return None if self.retention_days is None else today + datetime.timedelta(days=self.retention_days)

    def edges(self) -> tuple[ColumnEdge, ...]:
        """Return what each published column owes to the raw ones, and which were dropped, without summaries."""
        blurred, deciding = self.blurred(), self.deciding()
        direct = [
            ColumnEdge(s.column, "" if s.dropped else s.column, s.transformation, s.why, masking=s.masking)
            for s in self.steps
        ]
        grouped = [
            ColumnEdge(source, target, "group", "it decided which rows are published as one", "indirect", masking=True)
            for target in blurred
            for source in deciding
            if source != target
        ]
        shifted = [
            ColumnEdge(need, name, "date-shift", "it decided by how many days dates move", "indirect", masking=True)
            for step in self.rows
            for need in step.needs
            for name in step.columns
        ]
        return (*direct, *grouped, *shifted)

    def deciding(self) -> tuple[str, ...]:
        """Return the columns that decide which rows form a group."""
        diverse = self.guarantee is not None and self.guarantee.sensitive
        return (*self.blurred(), *(self.of("sensitive") if diverse else ()))

    def described(self) -> dict[str, Any]:
        """Return the plan in plain values, without secrets."""
        return {
            "dataset": self.dataset,
            "purpose": self.purpose,
            "policy-digest": self.policy_digest,
            "key-epoch": self.key_epoch,
            "retention-days": self.retention_days,
            "columns": [
                {
                    "column": step.column,
                    "role": step.role,
                    "transformation": step.transformation,
                    "published": not step.dropped,
                    "masking": step.masking,
                    "why": step.why,
                }
                for step in self.steps
            ],
            "controls": [control.id for control in self.controls],
        }


def make_plan(
    policy: Policy,
    purpose: str,
    columns: Sequence[str],
    *,
    left_out: Sequence[str] = (),
    minimal: Sequence[str] | None = None,
    secrets: Secrets | None = None,
    sealed: bool = False,
) -> Plan:
    """Compile a policy and a purpose into a plan for a table.

    Args:
        policy: what is declared.
        purpose: a purpose of the policy.
        columns: the table's columns, in order; the policy's check has passed them.
        left_out: undeclared columns that the policy drops.
        minimal: what a model really needs, where the purpose says "minimal".
        secrets: what keyed steps need; None for a plan that is only looked at.
        sealed: whether the output is Parquet under keys of column groups.

    Raises:
        UnknownName: there is no such purpose.
        CasemateError: "minimal" without what is minimal, a column that only a seal would cover in an open output, or
            nothing left to publish.
    """
    allowed = _purpose(policy, purpose)
    wanted = _wanted(policy, purpose, allowed, minimal)
    groups = policy.declared.encryption.groups if sealed else {}
    under_key = {name for names in groups.values() for name in names}
    steps = [_step(policy, purpose, name, wanted, under_key, left_out) for name in columns]
    published = tuple(step.column for step in steps if not step.dropped)
    if not published:
        raise CasemateError(
            f"the purpose {purpose!r} may see no column of the table",
            where=policy.where("purposes", purpose),
            fix="allow it columns that are not dropped",
        )
    rows = [
        step
        for name in published
        for step in row_steps(name, policy.columns[name], secrets, policy.declared.subject_key)
    ]
    return Plan(
        dataset=policy.declared.dataset,
        purpose=purpose,
        policy_digest=policy.digest,
        key_epoch=allowed.key_epoch,
        retention_days=allowed.retention_days,
        steps=tuple(steps),
        rows=tuple(rows),
        blur=blurring_control(policy, published),
        guarantee=guarantee(policy, published),
        subject=policy.declared.subject_key,
        warnings=(*policy.warnings, *_warnings(policy, published)),
    )


def _purpose(policy: Policy, purpose: str) -> PurposeTable:
    known = policy.declared.purposes
    if purpose not in known:
        named = f"its purposes are: {', '.join(known)}" if known else f"add a table [purposes.{purpose}]"
        raise UnknownName(
            f"the policy knows no purpose {purpose!r}.{did_you_mean(purpose, known)}",
            where=policy.where("purposes"),
            why="what the data may be used for decides which columns are needed, for how long, and under which keys",
            fix=named,
        )
    return known[purpose]


def _wanted(policy: Policy, purpose: str, allowed: PurposeTable, minimal: Sequence[str] | None) -> set[str] | None:
    """Return the columns that a purpose may see; None for all."""
    if allowed.columns == "all":
        return None
    if allowed.columns != "minimal":
        return set(allowed.columns)
    if minimal is None:
        raise CasemateError(
            f'the purpose {purpose!r} may see "minimal" columns, and nobody has said which those are',
            where=policy.where("purposes", purpose, "columns"),
            fix="find out: casemate minimise casemate.toml --output minimal.json; then add --minimal minimal.json",
        )
    return {*minimal, *policy.of("target")}


def _step(
    policy: Policy, purpose: str, name: str, wanted: set[str] | None, under_key: set[str], left_out: Sequence[str]
) -> ColumnStep:
    if name in left_out:
        return ColumnStep(name, "ignored", ("drop",), "the policy does not declare it", dropped=True)
    column = policy.columns[name]
    if column.drop:
        return ColumnStep(
            name,
            column.role,
            ("drop",),
            column.reason or WHY_DROPPED.get(column.role, "the policy drops it"),
            dropped=True,
        )
    if wanted is not None and name not in wanted:
        return ColumnStep(name, column.role, ("drop",), f"the purpose {purpose!r} does not need it", dropped=True)
    bare = column.role == "identifier" and column.pseudonym is None and not column.keep
    if bare and name not in under_key:
        raise CasemateError(
            f"the identifier {name!r} is covered by encryption alone, and this output is not encrypted by columns",
            where=policy.where("columns", name),
            why="it would be published as it is",
            fix="write a .parquet file, leave it out of the purpose's columns, or give it a pseudonym",
        )
    return column_step(name, column, policy.declared.privacy.method, sealed=name in under_key)


WHY_DROPPED: Mapping[Role, str] = {"identifier": "it identifies people by itself, and nothing needs it"}


def _warnings(policy: Policy, published: Sequence[str]) -> list[str]:
    asked = policy.declared.privacy
    roles = [policy.columns[name].role for name in published]
    found = []
    if "quasi-identifier" in roles and "sensitive" not in roles and (asked.l > 1 or asked.t is not None):
        found.append("no sensitive column is published for this purpose, so that l and t have nothing to hold")
    if asked.method == "microaggregation" and (asked.l > 1 or asked.t is not None):
        found.append("microaggregation does not look at sensitive values: l and t are verified, not aimed at")
    return found


def _blurs(transformation: str) -> bool:
    return transformation.startswith("generalise:")
