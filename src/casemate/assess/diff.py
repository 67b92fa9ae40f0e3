"""Diff: two assessments side by side: what got better, what got worse, what cannot be compared. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from casemate.assess.effects import delta_of
from casemate.core.assessment import Assessment, Cell, Cost
from casemate.core.evidence import Evidence
from casemate.core.finding import Effect, Finding, Verdict
from casemate.core.statistics import bootstrap_difference

Direction = Literal["worse", "lost", "better", "new", "same"]
"""Lost: the attack ran before and did not this time, so that nothing shows that the system holds. New: the reverse."""


@dataclass(frozen=True)
class Change:
    """One attack on one arm, before and after.

    Args:
        attack, threat, arm: ids.
        direction: which way it went, for the defender.
        reason: why it is said to have gone that way, one sentence.
        before, after: the findings; None where there is none.
        delta: by how much the effect shrank, with its interval; positive is good. None where either did not run.
    """

    attack: str
    threat: str
    arm: str
    direction: Direction
    reason: str
    before: Finding | None
    after: Finding | None
    delta: Effect | None = None


@dataclass(frozen=True)
class PriceChange:
    """What became of the price of all controls together.

    Args:
        direction: worse where accuracy was surely lost or a limit is newly breached.
        reason: why, one sentence.
        accuracy: accuracy before and after, as fractions; None where it was not measured.
        loss: accuracy lost from one to the other, with its interval; positive is bad.
    """

    direction: Direction
    reason: str
    accuracy: tuple[float | None, float | None]
    loss: Effect | None = None


@dataclass(frozen=True)
class Difference:
    """What changed from one assessment to the next.

    Args:
        notes: what a reader must know before comparing: another system, seed, catalogue, policy or version.
        changes: every attack and arm of either assessment, those on the system as declared first.
        price: the price of all controls together; None where neither measured it.
    """

    notes: tuple[str, ...]
    changes: tuple[Change, ...]
    price: PriceChange | None

    @property
    def got_worse(self) -> bool:
        """Whether the system as declared got worse: an attack, a lost attack, or the price of its controls."""
        full = (c.direction for c in self.changes if c.arm == "full")
        return any(d in ("worse", "lost") for d in full) or (self.price is not None and self.price.direction == "worse")


def diff(before: Assessment, after: Assessment) -> Difference:
    """Compare two assessments, each as it was judged.

    An effect counts as changed where the interval of the difference leaves out 0. At the usual 95 % about one
    unchanged effect in forty looks worse by chance when the seeds differ; with one seed and one system, none does.
    """
    old, new = _findings(before), _findings(after)
    level = min(before.policy.level, after.policy.level)
    keys = sorted({**old, **new}, key=lambda key: (_ARMS.get(key[1], 2), key))
    changes = []
    for attack, arm in keys:
        one, other = old.get((attack, arm)), new.get((attack, arm))
        delta = _delta(_evidence(before, one), _evidence(after, other), level)
        changes.append(_change(one, other, delta))
    return Difference(tuple(_notes(before, after)), tuple(changes), _price(before, after, level))


_ARMS = {"full": 0, "bare": 1}


def _findings(assessment: Assessment) -> dict[tuple[str, str], Finding]:
    return {(finding.attack, finding.arm): finding for finding in assessment.findings}


def _change(before: Finding | None, after: Finding | None, delta: Effect | None) -> Change:
    known = after or before
    assert known is not None, "a change has at least one side"
    direction, reason = _direction(before, after, delta)
    return Change(known.attack, known.threat, known.arm, direction, reason, before, after, delta)


def _direction(before: Finding | None, after: Finding | None, delta: Effect | None) -> tuple[Direction, str]:
    was, now = _assessed(before), _assessed(after)
    if was is None or now is None:
        if now is not None:
            return "new", f"{_said(now)}; it was not assessed before"
        if was is not None:
            return "lost", f"it was {_said(was)}, and {_why_not(after)}"
        return "same", f"{_why_not(after or before)}, as before"
    if _rank(was) != _rank(now):
        return "worse" if _rank(now) > _rank(was) else "better", f"from {_said(was)} to {_said(now)}"
    if delta is not None and delta.high < 0:
        return "worse", f"{_said(now)} as before, but the attack achieves more"
    if delta is not None and delta.low > 0:
        return "better", f"{_said(now)} as before, and the attack achieves less"
    return "same", f"{_said(now)} as before"


def _assessed(finding: Finding | None) -> Finding | None:
    """The finding, where the attack ran."""
    ran = finding is not None and finding.failure is None and finding.verdict is not Verdict.NOT_APPLICABLE
    return finding if ran else None


def _why_not(finding: Finding | None) -> str:
    if finding is None:
        return "is not assessed any more"
    return "could not run" if finding.failure else "does not apply"


def _rank(finding: Finding) -> int:
    """How bad a finding is; a waived breach is less bad than one that is not."""
    if finding.verdict is Verdict.BROKEN:
        return 3 if finding.waiver is None else 2
    return 0 if finding.verdict is Verdict.HELD else 1


def _said(finding: Finding) -> str:
    return ("held", "inconclusive", "broken (waived)", "broken")[_rank(finding)]


def _evidence(assessment: Assessment, finding: Finding | None) -> Evidence | None:
    """The evidence under a finding, counted as its policy counts."""
    if finding is None:
        return None
    arm = next((a.id for a in assessment.arms if finding.arm in (a.id, *a.also)), finding.arm)
    found: Cell | None = next((c for c in assessment.cells if (c.attack, c.arm) == (finding.attack, arm)), None)
    if found is None or found.evidence is None or not len(found.evidence):
        return None
    return found.evidence if assessment.policy.count == "all" else found.evidence.undetected()


def _delta(before: Evidence | None, after: Evidence | None, level: float) -> Effect | None:
    if before is None or after is None or (before.metric, before.kind) != (after.metric, after.kind):
        return None
    if _same_samples(before, after):
        return delta_of(before, after, level)
    if before.kind == "rate":
        return delta_of(replace(before, ids=None), replace(after, ids=None), level)
    was, now = (np.asarray(e.baseline, dtype=np.float64) - e.outcome for e in (before, after))
    interval = bootstrap_difference(was, now, paired=False, level=level, seed=0)
    name = f"{after.metric}, less"
    return Effect(name, interval.value, interval.low, interval.high, interval.n, interval.level, interval.method)


def _same_samples(before: Evidence, after: Evidence) -> bool:
    """Whether both attacked the same rows; a few that they have in common by chance are no pairs to build on."""
    if before.ids is None or after.ids is None:
        return False
    return len(before.ids) == len(after.ids) == len(np.intersect1d(before.ids, after.ids))


def _price(before: Assessment, after: Assessment, level: float) -> PriceChange | None:
    was, now = _cost(before), _cost(after)
    if was is None and now is None:
        return None
    accuracy = (was.accuracy if was else None, now.accuracy if now else None)
    loss = _delta(was.correct if was else None, now.correct if now else None, level)
    if now is None or now.failure is not None:
        return PriceChange("lost", "the price of the controls was not measured", accuracy)
    known = {_limit_name(breach) for breach in (was.breaches if was else ())}
    fresh = [breach for breach in now.breaches if _limit_name(breach) not in known]
    if fresh:
        return PriceChange("worse", fresh[0], accuracy, loss)
    if loss is not None and (loss.low > 0 or loss.high < 0):
        return PriceChange("worse" if loss.low > 0 else "better", _accuracy(loss), accuracy, loss)
    return PriceChange("same", "as before", accuracy, loss)


def _accuracy(loss: Effect) -> str:
    return "accuracy was lost" if loss.low > 0 else "accuracy was gained"


def _cost(assessment: Assessment) -> Cost | None:
    return next((cost for cost in assessment.costs if cost.arm == "full"), None)


def _limit_name(breach: str) -> str:
    return breach.partition(" ")[0]


def _notes(before: Assessment, after: Assessment) -> list[str]:
    """What differs around the attacks, each with what it means for the comparison."""
    notes = []
    if before.system.name != after.system.name:
        notes.append(f"two systems are compared: {before.system.name} and {after.system.name}")
    elif before.system.digest != after.system.digest:
        notes.append("the system changed: its data, model, recipe or controls")
    gone, come = set(before.system.controls), set(after.system.controls)
    notes += [f"control removed: {id}" for id in before.system.controls if id not in come]
    notes += [f"control added: {id}" for id in after.system.controls if id not in gone]
    pairs = {
        "seed": (before.seed, after.seed, "samples and random choices differ"),
        "threat catalogue": (before.catalogue.edition, after.catalogue.edition, "default limits may differ"),
        "Casemate": (_version(before), _version(after), "attacks may be stronger"),
    }
    notes += [f"{name} {one} and {other}: {why}" for name, (one, other, why) in pairs.items() if one != other]
    if before.policy != after.policy:
        notes.append("the policies differ: verdicts are compared as each was judged")
    return notes


def _version(assessment: Assessment) -> str:
    versions = assessment.environment.get("versions")
    return str(versions.get("casemate", "unknown")) if isinstance(versions, dict) else "unknown"
