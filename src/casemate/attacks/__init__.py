"""The attacks, one family a folder, one technique a file."""

from __future__ import annotations

from casemate.core import registry
from casemate.core.attack import Attack

FAMILIES = (
    "casemate.attacks.poisoning",
    "casemate.attacks.backdoor",
    "casemate.attacks.transfer",
    "casemate.attacks.evasion",
    "casemate.attacks.model_extraction",
    "casemate.attacks.data_extraction",
    "casemate.attacks.reidentification",
    "casemate.attacks.interception",
)


def attacks() -> dict[str, Attack]:
    """Return every attack by id: Casemate's own families and whatever installed packages add."""
    return registry.load("attack", FAMILIES)


def find(id: str) -> Attack:
    """Return the attack called ``id``. Raises UnknownName with the nearest name."""
    found: Attack = registry.find("attack", id, attacks())
    return found
