"""Judge: evidence held against a policy. Pure: the same record and policy give the same findings, on any day given."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import replace

from casemate.assess.effects import delta_of, effect_of
from casemate.core.assessment import Arm, Assessment, Cell, Cost, Twin
from casemate.core.evidence import Evidence
from casemate.core.finding import Effect, Finding, Verdict
from casemate.core.policy import Policy
from casemate.core.statistics import clopper_pearson, paired_difference, pairs_to_hold, samples_to_hold
from casemate.core.threat import Threat
from casemate.threats import catalogue


def judge(assessment: Assessment, policy: Policy, today: datetime.date) -> Assessment:
    """Return the assessment with its findings and prices judged under ``policy``. Nothing is attacked again."""
    cells = {(cell.attack, cell.arm): cell for cell in assessment.cells}
    twins = {twin.attack: twin for twin in assessment.twins}
    arms = {name: arm.id for arm in assessment.arms for name in (arm.id, *arm.also)}
    findings = []
    for cell in assessment.cells:
        for name in _names(cell.arm, assessment.arms):
            before = cells.get((cell.attack, arms.get(_compared_with(name), "")))
            finding = _finding(cell, name, twins.get(cell.attack), policy, today)
            findings.append(replace(finding, delta=_delta(name, cell, before, policy)))
    return replace(
        assessment,
        policy=policy,
        findings=tuple(findings),
        costs=tuple(_price(cost, assessment.costs, policy, arms) for cost in assessment.costs),
    )


def limit_for(attack: str, threat: Threat, policy: Policy) -> float | None:
    """Return the largest effect accepted: of the attack, else of its threat, else the catalogue's default."""
    for name in (attack, threat.id):
        if name in policy.limits:
            return policy.limits[name]
    return threat.default_limit


def judge_twin(attack: str, cell: Cell | None) -> Twin:
    """Judge whether an attack broke its vulnerable twin, against the catalogue's default limit."""
    if cell is None:
        return Twin(attack, None, Verdict.NOT_APPLICABLE, None, "the attack ships no vulnerable twin")
    if cell.evidence is None:
        reason = cell.failure.message if cell.failure else cell.reason
        return Twin(attack, cell, Verdict.INCONCLUSIVE, None, f"the twin could not be attacked: {reason}")
    verdict, reason, effect = _verdict(cell.evidence, limit_for(attack, _threat(cell), Policy()), 0.95, cell.samples)
    return Twin(attack, cell, verdict, effect, reason)


def _threat(cell: Cell) -> Threat:
    return catalogue().threat(cell.threat)


def _names(arm: str, arms: Iterable[Arm]) -> tuple[str, ...]:
    return next(((a.id, *a.also) for a in arms if a.id == arm), (arm,))


def _compared_with(arm: str) -> str:
    """The arm whose effect an arm's delta is taken from; an arm without one control is set against the full one."""
    return "full" if arm.startswith("without:") else "bare"


def _finding(cell: Cell, arm: str, twin: Twin | None, policy: Policy, today: datetime.date) -> Finding:
    threat = _threat(cell)
    limit = limit_for(cell.attack, threat, policy)
    finding = Finding(
        cell.attack,
        cell.threat,
        arm,
        Verdict.NOT_APPLICABLE,
        cell.reason,
        limit=limit,
        spent=cell.spent,
        references=threat.references,
        failure=cell.failure,
    )
    if cell.failure is not None:
        return replace(finding, verdict=Verdict.INCONCLUSIVE, reason=f"could not run: {_first(cell.failure.message)}")
    if cell.evidence is None:
        return finding
    counted = cell.evidence if policy.count == "all" else cell.evidence.undetected()
    verdict, reason, effect = _verdict(counted, limit, policy.level, cell.samples)
    if verdict is Verdict.HELD and (twin is None or twin.verdict is not Verdict.BROKEN):
        verdict, reason = Verdict.INCONCLUSIVE, f"it held, but {_doubt(twin)}"
    waiver = next((w for w in policy.waivers if w.covers(cell.attack, cell.threat, today)), None)
    hidden = None if cell.evidence.detected is None else effect_of(cell.evidence.undetected(), policy.level)
    return replace(
        finding,
        verdict=verdict,
        reason=reason,
        effect=effect,
        undetected=hidden,
        waiver=waiver if verdict is Verdict.BROKEN else None,
        advice=threat.remedies if verdict is Verdict.BROKEN else (),
    )


def _verdict(evidence: Evidence, limit: float | None, level: float, samples: int) -> tuple[Verdict, str, Effect | None]:
    effect = effect_of(evidence, level)
    if effect is None:
        return Verdict.INCONCLUSIVE, "there was no sample to attack: no row was answered, or none correctly", None
    if limit is None:
        return Verdict.INCONCLUSIVE, "neither the policy nor the catalogue names a limit for this threat", effect
    if effect.high <= limit:
        return Verdict.HELD, f"at most {effect.high:.1%}, and {limit:.1%} is accepted", effect
    if effect.low > limit:
        return Verdict.BROKEN, f"at least {effect.low:.1%}, and only {limit:.1%} is accepted", effect
    reason = f"between {effect.low:.1%} and {effect.high:.1%}: the limit of {limit:.1%} lies in between"
    return Verdict.INCONCLUSIVE, reason + _samples(evidence, effect, limit, samples), effect


def _samples(evidence: Evidence, effect: Effect, limit: float, samples: int) -> str:
    """How many samples would let the effect be held, were it to stay as it is.

    What is measured on more rows than the ``samples`` attacked is measured on all hold-out rows there are.
    """
    worst = effect.value if evidence.perhaps is None else float(evidence.perhaps.mean())
    if not 0 < limit < 1 or not 0 <= worst < limit:
        return ""
    if evidence.baseline is None:
        needed = samples_to_hold(limit, rate=worst, level=effect.level)
    else:
        lost = float((evidence.baseline & ~evidence.outcome).mean())
        gained = float((~evidence.baseline & evidence.outcome).mean())
        needed = pairs_to_hold(limit, rate=lost, level=effect.level, gained=gained)
    whence = ", which takes more test rows" if 0 < samples < effect.n else ""
    return f"; about {needed} samples would decide{whence}"


def _doubt(twin: Twin | None) -> str:
    if twin is None or twin.cell is None:
        return "the attack ships no vulnerable twin, so that nothing shows it can win at all"
    return f"the attack did not break its vulnerable twin ({twin.reason})"


def _delta(arm: str, cell: Cell, before: Cell | None, policy: Policy) -> Effect | None:
    if arm == "bare" or before is None or before is cell or before.evidence is None or cell.evidence is None:
        return None
    one, other = before.evidence, cell.evidence
    if policy.count == "undetected":
        one, other = one.undetected(), other.undetected()
    if arm.startswith("without:"):
        one, other = other, one
    return delta_of(one, other, policy.level)


def _price(cost: Cost, costs: tuple[Cost, ...], policy: Policy, arms: dict[str, str]) -> Cost:
    bare = next((c for c in costs if c.arm == arms.get("bare")), None)
    if cost.failure is not None or bare is None or bare.failure is not None:
        return cost
    measured = cost.correct is not None and bare.correct is not None
    loss = delta_of(bare.correct, cost.correct, policy.level) if measured and cost is not bare else None  # type: ignore[arg-type]
    if loss is not None:
        loss = replace(loss, name="accuracy lost")
    breaches = _breaches(cost, bare, loss, policy) if cost.arm == arms.get("full") else ()
    return replace(cost, loss=loss, breaches=breaches)


def _breaches(cost: Cost, bare: Cost, loss: Effect | None, policy: Policy) -> tuple[str, ...]:
    """What the policy does not accept; a share counts as breached where its interval's good end is outside.

    What a release loses is counted over all of its rows, and so has no interval.
    """
    n = len(cost.correct) if cost.correct is not None else 0
    answered = cost.correct is not None
    measured: dict[str, float | None] = {
        "accuracy-loss": loss.low if loss else 0.0 if answered else None,
        "worst-group-accuracy-loss": _worst_group_loss(bare, cost, policy.level),
        "refusals": _low(cost.refusals, n, policy.level),
        "false-alarms": _low(cost.false_alarms, n, policy.level),
        "latency-ms": cost.latency_ms,
        "exchange-bytes": float(cost.wire.query_bytes + cost.wire.reply_bytes) if cost.wire else None,
        "key-bytes": float(cost.wire.key_bytes) if cost.wire else None,
        "information-loss": cost.information_loss,
        "suppressed-rows": cost.suppressed_rows,
    }
    return tuple(
        f"{name} is at least {_told(value)}, and {_told(policy.costs[name])} is accepted"
        for name, value in measured.items()
        if name in policy.costs and value is not None and value > policy.costs[name]
    )


def _told(value: float) -> str:
    """A price in words: whole numbers, as of bytes, to the last digit."""
    return f"{int(value):,}" if value >= 1000 and value == int(value) else f"{value:.4g}"


def _worst_group_loss(bare: Cost, cost: Cost, level: float) -> float | None:
    """What the group that loses most surely lost. The level is shared out over the groups: the worst of many is seen.

    Records from before groups were kept row by row give the estimate.
    """
    shared = [name for name in cost.groups if name in bare.groups]
    if not shared:
        return max((bare.group_accuracy[name] - value for name, value in cost.group_accuracy.items()), default=None)
    each = 1 - (1 - level) / len(shared)
    return max(paired_difference(bare.groups[name], cost.groups[name], each).low for name in shared)


def _low(share: float | None, n: int, level: float) -> float | None:
    return None if share is None or not n else clopper_pearson(round(share * n), n, level).low


def _first(message: str) -> str:
    return message.splitlines()[0] if message else "unknown error"
