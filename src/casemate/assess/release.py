"""Release: the attacks that a table must withstand before it is given away."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from casemate.assess.run import Options, assess
from casemate.attacks import attacks
from casemate.core.access import Access
from casemate.core.assessment import Assessment
from casemate.core.attack import Attack
from casemate.core.errors import UnknownName, did_you_mean
from casemate.core.policy import Policy
from casemate.core.published import AsPublished
from casemate.core.release import Release
from casemate.core.system import DataVersion, System


@dataclass(frozen=True)
class Gate:
    """What a release is held to.

    Args:
        limits: the largest effect accepted, by attack or threat; what is not named keeps the catalogue's default.
        skip: attacks that are not run; the assessment's warnings say so.
        samples: people attacked by each attack.
        known: columns of the raw table that attackers know of people; empty for quasi-identifiers and identifiers.
        access: what attackers have beside that.
        level: confidence level of every interval.
    """

    limits: Mapping[str, float] | None = None
    skip: Collection[str] = ()
    samples: int = 400
    known: Sequence[str] = ()
    access: Access = field(default_factory=lambda: Access(population=True))
    level: float = 0.95


def attack_release(
    release: Release,
    raw: Release,
    gate: Gate | None = None,
    *,
    name: str = "the release",
    seed: int = 0,
    versions: tuple[DataVersion, ...] = (),
    options: Options | None = None,
) -> Assessment:
    """Attack a table that was made ready, and the raw table it was made from, and judge both.

    The arm ``full`` is the release; ``bare`` is what giving the raw table away would have meant. Its verdict is held
    only where every attack that applies was broken by its vulnerable twin and held by the release: that groups have k
    rows is never enough.

    Args:
        release: the table to be given away.
        raw: the table that it was made from, with its columns' roles.
        gate: what it is held to.
        name: what its owner calls it.
        versions: the files that it is made from.
        options: workers, cache and the like; ``seed`` and the gate's samples go before what they say.

    Raises:
        UnknownName: a limit or a skipped attack that does not exist.
        Interrupted: on a keyboard interrupt.
    """
    gate = gate or Gate()
    chosen = release_attacks()
    limits = {_known(name, chosen): limit for name, limit in (gate.limits or {}).items()}
    skipped = {_known(name, chosen) for name in gate.skip}
    system = System(
        name, release=raw, known=tuple(gate.known), controls=(AsPublished(release=release),), versions=versions
    )
    told = options or Options(workers=1)
    left_out = tuple(f"{id} was not run: the gate skips it" for id in sorted(skipped))
    return assess(
        system,
        [attack for attack in chosen.values() if attack.id not in skipped and attack.threat not in skipped],
        access=gate.access,
        policy=Policy(limits=limits, level=gate.level),
        options=replace(told, seed=seed, samples=gate.samples, warnings=(*told.warnings, *left_out)),
    )


def release_attacks() -> dict[str, Attack]:
    """Return the attacks on released tables, by id."""
    return {id: attack for id, attack in attacks().items() if "release" in attack.requires}


def _known(name: str, chosen: Mapping[str, Attack]) -> str:
    """An attack or threat by its id; an attack also by its technique, such as ``linkage`` or ``singling_out``."""
    threats = {attack.threat for attack in chosen.values()}
    techniques = {id.partition(".")[2]: id for id in chosen}
    plain = name.replace("_", "-")
    if plain in chosen or plain in threats:
        return plain
    if plain in techniques:
        return techniques[plain]
    raise UnknownName(
        f"no attack on a release is called {name!r}.{did_you_mean(name, [*chosen, *techniques, *threats])}",
        where="the gate of the release",
        fix=f"use one of: {', '.join([*chosen, *sorted(threats)])}",
    )
