"""Standing: a finding's verdict as a reader meets it, with waivers and failures as kinds of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from casemate.core.finding import Finding, Verdict


class Standing(StrEnum):
    """How a finding stands, the worst first. The value is what a report says."""

    BROKEN = "broken"
    FAILED = "could not run"
    INCONCLUSIVE = "inconclusive"
    WAIVED = "waived"
    HELD = "held"
    NOT_APPLICABLE = "not applicable"

    @property
    def slug(self) -> str:
        """One lower-case word, for a style sheet."""
        return self.name.lower().replace("_", "-")


def standing(finding: Finding) -> Standing:
    """Return how a finding stands."""
    if finding.failure is not None:
        return Standing.FAILED
    if finding.verdict is Verdict.BROKEN and finding.waiver is not None:
        return Standing.WAIVED
    return Standing[finding.verdict.name]


def tally(findings: Iterable[Finding]) -> list[tuple[Standing, int]]:
    """Return how many findings stand how, the worst first, leaving out what there is none of."""
    counted = Counter(map(standing, findings))
    return [(kind, counted[kind]) for kind in Standing if counted[kind]]
