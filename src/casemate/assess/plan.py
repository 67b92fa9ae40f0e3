"""Plan: which arms there are, and which attack runs on which of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from casemate.core.access import Access, Budget
from casemate.core.assessment import Arm
from casemate.core.attack import Attack
from casemate.core.build import trains
from casemate.core.system import System


@dataclass(frozen=True, eq=False)
class PlannedCell:
    """One attack on one arm.

    Args:
        attack: the attack.
        arm: id of the arm.
        system: the arm.
        access: what the attacker is granted.
        reason: why the attack does not apply; empty where it does.
    """

    attack: Attack
    arm: str
    system: System
    access: Access
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that an assessment runs.

    Args:
        arms: the distinct variants of the system; an arm that equals another is listed under it.
        systems: the system of each arm, by id.
        cells: attack by attack, arm by arm.
    """

    arms: tuple[Arm, ...]
    systems: dict[str, System]
    cells: tuple[PlannedCell, ...]


def plan(
    system: System, attacks: Iterable[Attack], access: Access, budgets: Mapping[str, Budget] | None = None
) -> Plan:
    """Plan an assessment; ``budgets`` holds what single attacks, by id, are granted instead.

    Each attack meets ``bare``, ``full``, and for every control that mitigates its threat ``only:<control>`` and
    ``without:<control>``. Arms with the same controls are one arm.
    """
    attacks = list(attacks)
    named: dict[str, System] = {"full": system, "bare": system.bare()}
    wanted: list[tuple[Attack, list[str]]] = []
    for attack in attacks:
        names = ["bare", "full"]
        for control in system.controls:
            if attack.threat in control.mitigates:
                names += [f"only:{control.id}", f"without:{control.id}"]
                named.setdefault(names[-2], system.only(control.id))
                named.setdefault(names[-1], system.without(control.id))
        wanted.append((attack, names))
    arms, canonical = _merge(named)
    systems = {arm.id: named[arm.id] for arm in arms}
    granted = {a.id: replace(access, budget=(budgets or {}).get(a.id, Budget()).over(access.budget)) for a in attacks}
    cells = [
        _cell(attack, arm, systems[arm], granted[attack.id])
        for attack, names in wanted
        for arm in dict.fromkeys(canonical[name] for name in names)
    ]
    return Plan(arms, systems, tuple(cells))


def _merge(named: dict[str, System]) -> tuple[tuple[Arm, ...], dict[str, str]]:
    """Join arms that have the same controls under the first name; ``full`` comes first, since its verdict counts."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, system in named.items():
        groups.setdefault(tuple(control.id for control in system.controls), []).append(name)
    arms = tuple(Arm(names[0], controls, tuple(names[1:])) for controls, names in groups.items())
    return arms, {name: names[0] for names in groups.values() for name in names}


def _cell(attack: Attack, arm: str, system: System, access: Access) -> PlannedCell:
    return PlannedCell(attack, arm, system, attack.needs.granted(access), why_not(attack, system, access))


def concerns(attack: Attack, system: System) -> bool:
    """Whether an attack is about a part that the system has: its model, or the table that it gives away."""
    return system.release is not None if "release" in attack.requires else system.answers


def why_not(attack: Attack, system: System, access: Access) -> str:
    """Return why an attack does not apply to an arm as far as can be said without building it; empty where it does."""
    gaps = attack.needs.lacks(access)
    if gaps:
        return f"the attacker is not granted {', '.join(gaps)} ([access])"
    norm = access.budget.norm
    if attack.norms and norm is not None and norm not in attack.norms:
        return f"it works in {' and '.join(attack.norms)}, and the attacker is granted {norm} ([access] norm)"
    if "release" in attack.requires:
        return "" if system.release is not None else "the system gives no table away ([release])"
    if not system.answers:
        return "the system has no model ([model])"
    missing = {
        "recipe": system.recipe is None and "a training recipe ([model] recipe)",
        "teacher": system.teacher is None and "a teacher whose features it re-uses ([model.teacher])",
        "image": not system.train.schema.is_image and "images ([data] shape)",
    }
    for need in attack.requires:
        if missing.get(need):
            return f"the system has no {str(missing[need]).removeprefix('a ')}"
    if system.recipe is None and trains(system):
        return "this arm has a control that acts on training, and the system has no recipe ([model] recipe)"
    return ""
