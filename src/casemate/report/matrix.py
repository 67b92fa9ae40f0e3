"""Matrix: attacks by arms, the heart of every report."""

from __future__ import annotations

from dataclasses import dataclass

from casemate.core.assessment import Assessment, Cell
from casemate.core.finding import Finding
from casemate.core.threat import FAMILIES
from casemate.report import words


@dataclass(frozen=True)
class Column:
    """One arm that a matrix shows.

    Args:
        arm: its id.
        title: ``no controls``, the control's id, or ``all controls``.
        kind: ``bare``, ``only`` or ``full``.
    """

    arm: str
    title: str
    kind: str


@dataclass(frozen=True)
class Row:
    """One attack.

    Args:
        attack, threat: ids.
        findings: one per column; None where the attack did not meet that arm.
        bare, full: the findings without and with all controls.
    """

    attack: str
    threat: str
    findings: tuple[Finding | None, ...]
    bare: Finding | None
    full: Finding | None

    @property
    def any(self) -> Finding | None:
        """A finding that stands for the row: that of the system as declared, where there is one."""
        return self.full or next((f for f in self.findings if f is not None), None)


@dataclass(frozen=True)
class Family:
    """The attacks of one family."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Matrix:
    """Attacks by family, against no controls, each control alone, and all controls."""

    columns: tuple[Column, ...]
    families: tuple[Family, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, family by family."""
        return tuple(row for family in self.families for row in family.rows)


def matrix(assessment: Assessment) -> Matrix:
    """Return the matrix of an assessment's findings. Arms that are the same system as ``full`` are shown once."""
    columns = _columns(assessment)
    at = {(f.attack, f.arm): f for f in assessment.findings}
    threats = {f.attack: f.threat for f in assessment.findings}
    grouped: dict[str, list[Row]] = {}
    for attack, threat in threats.items():
        found = tuple(at.get((attack, column.arm)) for column in columns)
        row = Row(attack, threat, found, at.get((attack, "bare")), at.get((attack, "full")))
        grouped.setdefault(family_of(attack), []).append(row)
    order = sorted(grouped, key=lambda name: (FAMILIES.index(name) if name in FAMILIES else len(FAMILIES), name))
    return Matrix(columns, tuple(Family(family_title(name), tuple(grouped[name])) for name in order))


def family_of(attack: str) -> str:
    """Return an attack's family as the catalogue spells it: with underscores."""
    return attack.partition(".")[0].replace("-", "_")


def family_title(family: str) -> str:
    """Return a family's name for a heading."""
    return {"reidentification": "Re-identification"}.get(family, family.replace("_", " ").capitalize())


def cell_of(assessment: Assessment, finding: Finding) -> Cell | None:
    """Return the cell that a finding judges; arms that are the same system share one."""
    arm = canonical(assessment).get(finding.arm, finding.arm)
    return next((c for c in assessment.cells if c.attack == finding.attack and c.arm == arm), None)


def canonical(assessment: Assessment) -> dict[str, str]:
    """Return, by the name of an arm, the id of the arm that was run for it."""
    return {name: arm.id for arm in assessment.arms for name in (arm.id, *arm.also)}


def _columns(assessment: Assessment) -> tuple[Column, ...]:
    run = canonical(assessment)
    bare, full = run.get("bare", "bare"), run.get("full", "full")
    shown = [] if bare == full else [Column("bare", words.arm("bare"), "bare")]
    for control in assessment.system.controls:
        name = f"only:{control}"
        if name in run and run[name] not in (bare, full):
            shown.append(Column(name, control, "only"))
    title = words.arm("full") if assessment.system.controls else "as it is, without controls"
    return (*shown, Column("full", title, "full"))
