"""Finding: evidence held against a policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from casemate.core.evidence import Spent
from casemate.core.policy import Waiver
from casemate.core.threat import Reference


class Verdict(StrEnum):
    """What became of one attack on one arm."""

    HELD = "held"
    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not-applicable"


@dataclass(frozen=True)
class Effect:
    """A measured effect with its confidence interval.

    Args:
        name: what it measures.
        value, low, high: estimate and interval, as fractions in [-1, 1].
        n: samples.
        level: confidence level.
        method: how the interval was made.
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    level: float = 0.95
    method: str = ""


@dataclass(frozen=True)
class Failure:
    """Why something could not run.

    Args:
        type: the error's type.
        message: what, where, why and what to do.
        traceback: for whoever debugs it; empty where the message says all.
    """

    type: str
    message: str
    traceback: str = ""


@dataclass(frozen=True)
class Finding:
    """One attack on one arm, judged.

    Args:
        attack, threat, arm: ids.
        verdict: held, broken, inconclusive or not applicable.
        reason: why, one sentence.
        effect: what the attack achieved; None where it did not run.
        undetected: the effect counting only wins that raised no alarm; None where nothing could be detected.
        limit: the largest effect that the policy accepts; None where neither policy nor catalogue names one.
        delta: for an arm with controls, what they took off the bare system's effect (for ``without:x``, what ``x``
            takes off in company), with its paired interval; positive is good. None for the bare arm.
        spent: what the attack used.
        references: the threat's references.
        waiver: the waiver that covers it, if it is broken and one does.
        failure: why it could not run; None where it ran or does not apply.
        advice: what to try next.
    """

    attack: str
    threat: str
    arm: str
    verdict: Verdict
    reason: str
    effect: Effect | None = None
    undetected: Effect | None = None
    limit: float | None = None
    delta: Effect | None = None
    spent: Spent = field(default_factory=Spent)
    references: tuple[Reference, ...] = ()
    waiver: Waiver | None = None
    failure: Failure | None = None
    advice: tuple[str, ...] = ()
