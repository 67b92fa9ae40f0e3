"""Summary: what a reader must know first: the verdict in a sentence, the worst finding, what to do next."""

from __future__ import annotations

from casemate.core.assessment import Assessment
from casemate.core.finding import Finding, Verdict
from casemate.report.reproduce import command
from casemate.report.standing import Standing, standing
from casemate.report.words import count, ended, measured, percent

MOST_STEPS = 6


def headline(assessment: Assessment) -> str:
    """Return the verdict as a sentence."""
    name, findings = assessment.system.name, assessment.of("full")
    judged = [f for f in findings if f.verdict is not Verdict.NOT_APPLICABLE]
    broken = [f for f in findings if standing(f) is Standing.BROKEN]
    guarded = "with all its controls" if assessment.system.controls else "which has no controls"
    if broken:
        comma = "" if assessment.system.controls else ","
        return f"{len(broken)} of {count(len(judged), 'attack')} broke {name}{comma} {guarded}."
    if assessment.cost_breaches:
        return f"No attack broke {name}, but the price of its controls is not accepted."
    if assessment.interrupted:
        return f"The assessment of {name} was interrupted before every attack had run."
    if not judged:
        return f"No attack could be run against {name}: nothing was assessed."
    if assessment.verdict is Verdict.INCONCLUSIVE:
        return f"No attack broke {name}, but {_undecided(judged)}."
    waived = sum(standing(f) is Standing.WAIVED for f in judged)
    excuse = f", {count(waived, 'waived breach', 'waived breaches')} aside" if waived else ""
    return f"{name} held against {count(len(judged), 'attack')}{excuse}."


def worst(assessment: Assessment) -> Finding | None:
    """Return the finding on the system as declared that matters most; None where no attack applies.

    Breaches come first, then what could not run, what was not decided, waived breaches, and what held. Among equals,
    the one whose interval reaches furthest beyond its limit.
    """
    found = [f for f in assessment.of("full") if f.verdict is not Verdict.NOT_APPLICABLE]
    return min(found, key=lambda f: (list(Standing).index(standing(f)), -_excess(f)), default=None)


def told(finding: Finding) -> str:
    """Return one finding as a sentence."""
    kind = standing(finding)
    if kind in (Standing.FAILED, Standing.NOT_APPLICABLE) or finding.effect is None:
        return ended(finding.reason)
    limit = "no limit is set" if finding.limit is None else f"at most {percent(finding.limit)} is accepted"
    sure = f", {finding.effect.level:.0%} interval" if finding.effect.level != 0.95 else ""
    return f"{finding.effect.name} {measured(finding.effect)}{sure}; {limit}."


def next_steps(assessment: Assessment) -> tuple[str, ...]:
    """Return what to try next, the worst finding's advice first."""
    order = list(Standing)
    findings = sorted(assessment.of("full"), key=lambda f: (order.index(standing(f)), -_excess(f)))
    steps = [f"{f.attack}: {step}" for f in findings if standing(f) is Standing.BROKEN for step in f.advice[:1]]
    steps += [f"{f.attack}: {_repair(f)}" for f in findings if standing(f) is Standing.FAILED]
    steps += [f"{f.attack}: {_decide(f)}" for f in findings if standing(f) is Standing.INCONCLUSIVE]
    steps += [f"The price: {breach}; weaken the control that costs most." for breach in assessment.cost_breaches]
    return tuple(dict.fromkeys(steps))[:MOST_STEPS]


def look_again(assessment: Assessment) -> str | None:
    """Return the command that tries the worst attack again; None where nothing has to be mended."""
    first = worst(assessment)
    mended = first is None or standing(first) in (Standing.HELD, Standing.WAIVED)
    return None if first is None or mended else command(assessment, first.attack)


def _undecided(judged: list[Finding]) -> str:
    failed = sum(standing(f) is Standing.FAILED for f in judged)
    open_ = sum(standing(f) is Standing.INCONCLUSIVE for f in judged)
    parts = [f"{open_} of {len(judged)} could not be decided"] if open_ else []
    return " and ".join(parts + ([f"{failed} of {len(judged)} could not run"] if failed else []))


def _excess(finding: Finding) -> float:
    """How far an effect reaches beyond its limit, as a share of the room above the limit."""
    if finding.effect is None or finding.limit is None:
        return 0.0
    end = finding.effect.low if finding.verdict is Verdict.BROKEN else finding.effect.high
    return (end - finding.limit) / max(1 - finding.limit, 1e-9)


def _repair(finding: Finding) -> str:
    lines = (finding.failure.message if finding.failure else "").splitlines()
    fixes = [line.strip().removeprefix("fix: ") for line in lines if line.strip().startswith("fix: ")]
    return fixes[0] if fixes else f"make it run: {finding.reason.removeprefix('could not run: ')}"


def _decide(finding: Finding) -> str:
    if finding.limit is None:
        return f'set a limit under [policy.limits]: "{finding.threat}" = 0.1, say.'
    return finding.reason
