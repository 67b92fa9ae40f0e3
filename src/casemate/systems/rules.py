"""What the file says about attackers, about the assessment and about what the owner accepts."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from casemate.core.access import Access, Budget
from casemate.core.policy import COSTS, Policy, Waiver
from casemate.systems.declaration import BudgetTable, Declaration
from casemate.systems.lines import KeyPath, Lines
from casemate.systems.strict import check_names, mistake


@dataclass(frozen=True)
class Override:
    """What one attack is granted instead of what [access] grants to all.

    Args:
        budget: goes before the budget of the system's Access, field by field.
        samples: rows attacked; None leaves the settings' number.
    """

    budget: Budget
    samples: int | None = None


@dataclass(frozen=True)
class Settings:
    """How to assess.

    Args:
        seed: seed of everything random.
        samples: rows attacked per attack.
        jobs: worker processes; None is one per core.
        attacks: ids or families to run; empty runs all.
        skip: ids or families to leave out.
        overrides: what single attacks are granted, by id.
    """

    seed: int = 0
    samples: int = 100
    jobs: int | None = None
    attacks: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    overrides: Mapping[str, Override] = field(default_factory=dict)


def access_of(declaration: Declaration) -> Access:
    """Return what attackers are assumed to have."""
    table = declaration.access
    return Access(
        knowledge=table.knowledge,
        scores=table.scores,
        training_rows=table.training_rows,
        training_labels=table.training_labels,
        recipe=table.recipe,
        population=table.population,
        teacher=table.teacher,
        server=table.server,
        messages=table.messages,
        budget=_budget(table),
    )


def settings_of(declaration: Declaration, attacks: Collection[str] | None, lines: Lines) -> Settings:
    """Return how to assess.

    Raises:
        SystemFileError: no attack or family is called so, among ``attacks``.
    """
    table = declaration.assess
    if attacks is not None:
        families = {id.split(".", 1)[0] for id in attacks}
        names: list[tuple[str, KeyPath]] = [
            (name, ("assess", key, position))
            for key, listed in (("attacks", table.attacks), ("skip", table.skip))
            for position, name in enumerate(listed)
        ]
        check_names(names, {*attacks, *families}, "attack or family", lines)
        check_names([(id, ("attacks", id)) for id in declaration.attacks], attacks, "attack", lines)
    overrides = {id: Override(_budget(own), own.samples) for id, own in declaration.attacks.items()}
    return Settings(table.seed, table.samples, table.jobs, table.attacks, table.skip, overrides)


def policy_of(declaration: Declaration, attacks: Collection[str] | None, lines: Lines) -> Policy:
    """Return what the owner accepts; threats that go by an alias are called by their id.

    Raises:
        SystemFileError: a limit, a cost or a waiver of something that does not exist, or a threat limited twice.
    """
    table = declaration.policy
    known = _threats()
    check_names([(name, ("policy", "costs", name)) for name in table.costs], COSTS, "cost", lines)
    limits: dict[str, float] = {}
    for name, limit in table.limits.items():
        id = _name(name, known, attacks, lines, ("policy", "limits", name))
        if id in limits:
            raise mistake(f"{id} is limited twice", lines, ("policy", "limits", name), fix="keep one limit")
        limits[id] = limit
    waivers = tuple(
        Waiver(
            _name(waiver.of, known, attacks, lines, ("policy", "waivers", position, "of")),
            waiver.reason,
            waiver.expires,
        )
        for position, waiver in enumerate(table.waivers)
    )
    return Policy(limits, dict(table.costs), waivers, table.count, table.level)


def expired(policy: Policy, today: datetime.date, lines: Lines) -> tuple[str, ...]:
    """Return a warning for each waiver that counts no longer."""
    return tuple(
        f"{lines.where('policy', 'waivers', position, 'expires')}: the waiver of {waiver.of!r} expired on "
        f"{waiver.expires} and counts no longer; renew it with a reason, or remove it"
        for position, waiver in enumerate(policy.waivers)
        if waiver.expires < today
    )


def _budget(table: BudgetTable) -> Budget:
    return Budget(
        queries=table.queries,
        queries_per_row=table.queries_per_row,
        share=table.training_share,
        norm=table.norm,
        radius=table.radius,
        references=table.references,
        clients=table.clients,
        seconds=table.seconds,
    )


def _threats() -> dict[str, str]:
    """Return every spelling of a threat's id, with the id."""
    from casemate.threats import catalogue

    threats = catalogue().threats.values()
    return {alias: threat.id for threat in threats for alias in threat.aliases} | {t.id: t.id for t in threats}


def _name(name: str, threats: Mapping[str, str], attacks: Collection[str] | None, lines: Lines, path: KeyPath) -> str:
    """Return the id of a threat or attack that the file names."""
    if name in threats:
        return threats[name]
    if attacks is not None or "." not in name:  # an attack's id holds a dot
        check_names([(name, path)], {*threats.values(), *(attacks or ())}, "threat or attack", lines)
    return name
