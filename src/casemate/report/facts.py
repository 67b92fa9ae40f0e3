"""Facts: what is told beside the verdict: the system, the machine, waivers, and what did not run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from casemate.core.assessment import Assessment, Cost, SystemFacts
from casemate.core.finding import Finding
from casemate.core.policy import Waiver
from casemate.report import words
from casemate.report.standing import Standing, standing

ENCRYPTED_PRICES = ("Client", "Server", "Query", "Reply", "Keys, once", "Same label", "Off by")
"""What is told of encrypted requests."""

ENCRYPTED_LEGEND = (
    "Test rows that were really encrypted, computed on and decrypted. Attacks were answered by the same computation in "
    "the clear; the last two columns say how far the two agree."
)
"""What the reader must know of it."""


@dataclass(frozen=True)
class WaiverUse:
    """A waiver, and the attacks whose breach of the whole system it covers; none for a stale one."""

    waiver: Waiver
    covers: tuple[str, ...]


@dataclass(frozen=True)
class NotRun:
    """Why an attack did not run on some arms.

    Args:
        attack: id.
        standing: could not run, or does not apply.
        reason: why, one sentence.
        arms: on which arms, in words.
        finding: one of the findings.
    """

    attack: str
    standing: Standing
    reason: str
    arms: tuple[str, ...]
    finding: Finding


def facts(assessment: Assessment) -> list[tuple[str, str]]:
    """Return the system and the machine as names and values."""
    system, environment = assessment.system, assessment.environment
    versions = environment.get("versions")
    named = versions if isinstance(versions, Mapping) else {}
    told = [
        ("System", system.name),
        ("System file", system.path),
        ("Digest", system.digest),
        ("Model", system.model),
        ("Inputs", _inputs(system)),
        ("Classes", ", ".join(system.classes)),
        ("Rows", f"{system.train_rows:,} to train on, {system.test_rows:,} to test on" if system.train_rows else ""),
        ("Released table", _released(system)),
        *((f"Data: {version.role}", f"{version.source}, {version.digest}") for version in system.data),
        ("Where it went", "; ".join(lineage_commands(assessment))),
        ("Controls", ", ".join(system.controls) or "none"),
        ("Seed", str(assessment.seed)),
        ("Threat catalogue", assessment.catalogue.edition),
        ("Intervals", f"{assessment.policy.level:.0%}"),
        ("Wins counted", {"all": "all", "undetected": "those that raised no alarm"}[assessment.policy.count]),
        ("Made", words.when(assessment.created)),
        *((str(name).capitalize(), str(value)) for name, value in environment.items() if name != "versions"),
        ("Versions", ", ".join(f"{name} {version}" for name, version in named.items())),
    ]
    return [(name, value) for name, value in told if value]


def lineage_commands(assessment: Assessment) -> tuple[str, ...]:
    """Return the commands that ask the lineage what became of the data that the findings concern."""
    digests = dict.fromkeys(version.digest for version in assessment.system.data)
    return tuple(f"casemate lineage downstream {digest}" for digest in digests)


def has_model(assessment: Assessment) -> bool:
    """Whether there is a model to speak of; records without one are of a released table alone."""
    return assessment.system.features > 0 or not assessment.system.released_rows


def has_release(assessment: Assessment) -> bool:
    """Whether a table is given away."""
    return assessment.system.released_rows > 0


def encrypted_prices(assessment: Assessment) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what encrypted requests cost, by arm: the values under `ENCRYPTED_PRICES`; empty where none are made."""
    return tuple(
        (
            words.arm(cost.arm),
            (
                words.milliseconds(wire.client_ms),
                words.milliseconds(wire.server_ms),
                words.size(wire.query_bytes),
                words.size(wire.reply_bytes),
                words.size(wire.key_bytes),
                f"{wire.agreeing} of {wire.rows}",
                f"{wire.deviation:.2g}",
            ),
        )
        for cost in by_arm(assessment)
        if (wire := cost.wire) is not None
    )


def _inputs(system: SystemFacts) -> str:
    if not system.features:
        return ""
    shape = " x ".join(map(str, system.shape))
    return words.count(system.features, "feature") + (f", {shape}" if len(system.shape) > 1 else "")


def _released(system: SystemFacts) -> str:
    if not system.released_rows:
        return ""
    rows, columns = words.count(system.released_rows, "row"), len(system.released_columns)
    return f"{rows}, {words.count(columns, 'column')}: {', '.join(system.released_columns)}"


def by_arm(assessment: Assessment) -> tuple[Cost, ...]:
    """Return the prices: without controls, each control alone, each left out, and all together last.

    Of two controls, one left out is the other alone, and is called that.
    """
    kinds = ("bare", "only", "without", "full")
    rank = {kind: place for place, kind in enumerate(kinds)}
    alone = {arm.id: name for arm in assessment.arms for name in arm.also if name.startswith("only:")}
    named = [
        replace(cost, arm=alone[cost.arm]) if cost.arm in alone and cost.arm.startswith("without:") else cost
        for cost in assessment.costs
    ]
    return tuple(sorted(named, key=lambda cost: rank.get(cost.arm.partition(":")[0], len(kinds))))


def waivers(assessment: Assessment) -> tuple[WaiverUse, ...]:
    """Return every waiver of the policy with what it covers."""
    full = assessment.of("full")
    return tuple(
        WaiverUse(waiver, tuple(f.attack for f in full if f.waiver == waiver)) for waiver in assessment.policy.waivers
    )


def not_run(assessment: Assessment) -> tuple[NotRun, ...]:
    """Return what did not run and why: failures first, then what does not apply, arms with one reason together."""
    grouped: dict[tuple[Standing, str, str], list[Finding]] = {}
    for finding in assessment.findings:
        kind = standing(finding)
        if kind in (Standing.FAILED, Standing.NOT_APPLICABLE):
            grouped.setdefault((kind, finding.attack, finding.reason), []).append(finding)
    arms = {f.attack: {g.arm for g in assessment.findings if g.attack == f.attack} for f in assessment.findings}
    found = [
        NotRun(attack, kind, reason, _arms(same, arms[attack]), same[0])
        for (kind, attack, reason), same in grouped.items()
    ]
    return tuple(sorted(found, key=lambda gap: (list(Standing).index(gap.standing), gap.attack)))


def _arms(same: list[Finding], all_arms: set[str]) -> tuple[str, ...]:
    names = [f.arm for f in same]
    return ("every arm",) if set(names) == all_arms and len(names) > 1 else tuple(map(words.arm, names))
