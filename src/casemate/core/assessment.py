"""Assessment: the one record. Every report is a pure function of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from casemate.core.access import Access
from casemate.core.evidence import Evidence, Spent
from casemate.core.finding import Effect, Failure, Finding, Verdict
from casemate.core.policy import Policy
from casemate.core.system import DataVersion

SCHEMA = "casemate.assessment/1"

CellStatus = Literal["done", "not-applicable", "could-not-run"]


@dataclass(frozen=True)
class SystemFacts:
    """What a report says of the system.

    Args:
        name: what its owner calls it.
        digest: content digest.
        model: what answers; empty where nothing does.
        features, classes, shape: the model's inputs and what it tells apart; 0 and empty where there is no model.
        train_rows, test_rows: its data.
        controls: ids, in the order in which requests meet them.
        path: the system file.
        released_rows, released_columns: the raw table that is given away; 0 and empty where none is.
        data: the files that it is made from, as the lineage knows them.
    """

    name: str
    digest: str
    model: str
    features: int
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    train_rows: int
    test_rows: int
    controls: tuple[str, ...] = ()
    path: str = ""
    released_rows: int = 0
    released_columns: tuple[str, ...] = ()
    data: tuple[DataVersion, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """Which edition of the threat catalogue was used."""

    edition: str


@dataclass(frozen=True)
class Arm:
    """One variant of the system.

    Args:
        id: ``bare``, ``full``, ``only:<control>`` or ``without:<control>``.
        controls: ids of the controls in place.
        also: ids of further arms that are the same system, and so were not run again.
    """

    id: str
    controls: tuple[str, ...]
    also: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Cell:
    """One attack on one arm: what came of running it, before anybody judged.

    Args:
        attack, threat, arm: ids.
        status: whether it ran.
        seed: the cell's own seed.
        evidence: what came of it; None unless done.
        reason: why it does not apply.
        failure: why it could not run.
        spent: what it used.
        access: what the attacker was granted.
        samples: how many rows it was allowed to attack.
        cached: whether the evidence came from the cache.
    """

    attack: str
    threat: str
    arm: str
    status: CellStatus
    seed: int = 0
    evidence: Evidence | None = None
    reason: str = ""
    failure: Failure | None = None
    spent: Spent = field(default_factory=Spent)
    access: Access = field(default_factory=Access)
    samples: int = 0
    cached: bool = False


@dataclass(frozen=True, eq=False)
class Twin:
    """Whether an attack broke its vulnerable twin, without which no "held" is believed.

    Args:
        attack: id.
        cell: what came of it; None where the attack ships no twin.
        verdict: judged against the catalogue's default limit.
        effect: what it achieved.
    """

    attack: str
    cell: Cell | None
    verdict: Verdict
    effect: Effect | None
    reason: str = ""


@dataclass(frozen=True)
class WireCost:
    """The price of encrypted requests, measured on test rows that were really encrypted, computed on and decrypted.

    Args:
        rows: how many.
        query_bytes, reply_bytes: of the question about one row, and of its answer.
        key_bytes: of keys that a client sends once.
        client_ms, server_ms: median milliseconds for one row: encrypting and decrypting it, and computing on it.
        agreeing: of the rows, those that got the label that attacks on this arm were answered with.
        deviation: the largest difference of a probability from what attacks were answered with.
    """

    rows: int
    query_bytes: int
    reply_bytes: int
    key_bytes: int
    client_ms: float
    server_ms: float
    agreeing: int
    deviation: float


@dataclass(frozen=True, eq=False)
class Cost:
    """The price of one arm, for honest clients.

    Args:
        arm: id.
        accuracy: share of test rows answered correctly; a refusal is not correct.
        refusals, false_alarms: shares of test rows refused, and that raised an alarm.
        worst_group: name and accuracy of the worst-off declared group; None where no groups are declared.
        latency_ms: median milliseconds for one row through the Guard; where rows travel encrypted, with what client and
            server take for that.
        correct: per test row, as `Evidence`, so that a price can be judged again.
        group_accuracy, groups: by declared group, as ``column=value``: its accuracy, and whether each of its test rows
            is answered correctly, (n,) bool.
        loss: accuracy lost against the bare arm, paired; None for the bare arm.
        breaches: for the full arm, what the policy does not accept.
        failure: why it could not be measured.
        information_loss: detail lost in the quasi-identifiers of the released table, a fraction: 0 is the raw table, 1
            tells nothing (NCP; suppressed rows and dropped columns tell nothing). None where no table is given away.
        suppressed_rows: share of the raw table's rows that are left out of the release.
        dropped_columns: columns of the raw table that are left out of the release.
        wire: the price of encrypted requests; None where rows travel in the clear.
    """

    arm: str
    accuracy: float | None = None
    refusals: float | None = None
    false_alarms: float | None = None
    worst_group: tuple[str, float] | None = None
    latency_ms: float | None = None
    correct: Evidence | None = None
    group_accuracy: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)
    loss: Effect | None = None
    breaches: tuple[str, ...] = ()
    failure: Failure | None = None
    information_loss: float | None = None
    suppressed_rows: float | None = None
    dropped_columns: tuple[str, ...] = ()
    wire: WireCost | None = None


@dataclass(frozen=True, eq=False)
class Assessment:
    """The record of one assessment.

    Args:
        schema: name and major version of this record's shape.
        system: facts of the system, with its digest.
        catalogue: edition of the threat catalogue.
        seed: the assessment's seed.
        created: UTC time, ISO 8601.
        policy: what the findings were judged against.
        arms: the variants.
        cells: what every attack did to every arm.
        twins: whether each attack broke its vulnerable twin.
        findings: the cells, judged.
        costs: the price of every arm.
        warnings: what a reader must know, for example a recipe that is not deterministic.
        environment: versions and machine.
        interrupted: whether it was stopped before every cell was done.
        command: the shell command that made it, where that was not ``casemate assess``.
    """

    schema: str
    system: SystemFacts
    catalogue: Catalogue
    seed: int
    created: str
    policy: Policy
    arms: tuple[Arm, ...]
    cells: tuple[Cell, ...]
    twins: tuple[Twin, ...]
    findings: tuple[Finding, ...]
    costs: tuple[Cost, ...]
    warnings: tuple[str, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    interrupted: bool = False
    command: str = ""

    def of(self, arm: str) -> tuple[Finding, ...]:
        """Return the findings on an arm."""
        return tuple(finding for finding in self.findings if finding.arm == arm)

    @property
    def verdict(self) -> Verdict:
        """The verdict that counts: the worst on the system as declared, waived breaches aside."""
        full = self.of("full")
        if any(f.verdict is Verdict.BROKEN and f.waiver is None for f in full) or self.cost_breaches:
            return Verdict.BROKEN
        judged = [f for f in full if f.verdict is not Verdict.NOT_APPLICABLE]
        if self.interrupted or not judged or any(f.verdict is Verdict.INCONCLUSIVE for f in judged):
            return Verdict.INCONCLUSIVE
        return Verdict.HELD

    @property
    def cost_breaches(self) -> tuple[str, ...]:
        """What the policy does not accept of the price of all controls together."""
        return next((cost.breaches for cost in self.costs if cost.arm == "full"), ())

    @property
    def exit_code(self) -> int:
        """0 held, 1 broken, 2 something could not run, 3 inconclusive or nothing assessed."""
        if self.verdict is Verdict.BROKEN:
            return 1
        if any(f.failure for f in self.of("full")):
            return 2
        return 0 if self.verdict is Verdict.HELD else 3
