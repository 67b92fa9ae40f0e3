"""Evidence, as a page shows it: attack by attack, arm by arm."""

from __future__ import annotations

from dataclasses import dataclass

from casemate.core.assessment import Assessment, Cell, Twin
from casemate.core.finding import Finding
from casemate.report import words
from casemate.report.describe import Description, describe, threat_in_words
from casemate.report.matrix import Row, canonical, cell_of, matrix
from casemate.report.reproduce import command
from casemate.report.samples import Sample, sample


@dataclass(frozen=True)
class Plenty:
    """How much a page shows.

    Args:
        samples: examples shown for the system without and with all controls.
        alone: examples shown for every other arm.
        text: the most characters of one text.
        arms: whether arms other than those two are shown at all.
    """

    samples: int = 4
    alone: int = 1
    text: int = 6000
    arms: bool = True


@dataclass(frozen=True)
class ArmEvidence:
    """One attack on one arm.

    Args:
        anchor: where links to it lead.
        title: the arm in words, with the arms that are the same system.
        finding: how it was judged.
        cell: what came of it; None where the record does not hold it.
        samples: examples to look at.
        hidden: how many further examples the record holds.
    """

    anchor: str
    title: str
    finding: Finding
    cell: Cell | None
    samples: tuple[Sample, ...]
    hidden: int


@dataclass(frozen=True)
class AttackEvidence:
    """One attack on every arm.

    Args:
        anchor: where links to it lead.
        row: its row of the matrix.
        description: what it does.
        threat, threat_text: the threat's title and description.
        twin: whether it broke its vulnerable twin; None where the record does not say.
        command: runs it again.
        arms: the arms, without controls first.
    """

    anchor: str
    row: Row
    description: Description
    threat: str
    threat_text: str
    twin: Twin | None
    command: str
    arms: tuple[ArmEvidence, ...]


def evidence(assessment: Assessment, plenty: Plenty) -> tuple[AttackEvidence, ...]:
    """Return the evidence of every attack, in the matrix's order."""
    twins = {twin.attack: twin for twin in assessment.twins}
    return tuple(
        _attack(assessment, number, row, twins.get(row.attack), plenty)
        for number, row in enumerate(matrix(assessment).rows, 1)
    )


def _attack(assessment: Assessment, number: int, row: Row, twin: Twin | None, plenty: Plenty) -> AttackEvidence:
    title, text = threat_in_words(row.threat)
    run = canonical(assessment)
    found = sorted(
        (f for f in assessment.findings if f.attack == row.attack),
        key=lambda f: (run.get(f.arm, f.arm) != f.arm, *_arm_order(f)),
    )
    if not plenty.arms:
        found = [f for f in found if f.arm in ("bare", "full")]
    arms: dict[str, ArmEvidence] = {}
    for finding in found:
        same = [name for name in run if run[name] == run.get(finding.arm) and name != finding.arm]
        if not any(name in arms for name in same):
            arms[finding.arm] = _arm(assessment, finding, f"a{number}-{len(arms)}", same, plenty)
    return AttackEvidence(
        f"a{number}",
        row,
        describe(row.attack),
        title,
        text,
        twin,
        command(assessment, row.attack),
        tuple(arms.values()),
    )


def _arm(assessment: Assessment, finding: Finding, anchor: str, same: list[str], plenty: Plenty) -> ArmEvidence:
    cell = cell_of(assessment, finding)
    examples = cell.evidence.examples if cell is not None and cell.evidence is not None else ()
    most = plenty.samples if finding.arm in ("bare", "full") else plenty.alone
    shown = examples[:most]
    also = f" (also {', '.join(map(words.arm, same))})" if same else ""
    title = words.arm(finding.arm)
    return ArmEvidence(
        anchor,
        title[:1].upper() + title[1:] + also,
        finding,
        cell,
        tuple(map(sample, shown)),
        len(examples) - len(shown),
    )


def _arm_order(finding: Finding) -> tuple[int, str]:
    """Return where an arm stands: without controls, as declared, each control alone, each left out."""
    kinds = ("bare", "full", "only", "without")
    kind = finding.arm.partition(":")[0]
    return (kinds.index(kind) if kind in kinds else len(kinds), finding.arm)
