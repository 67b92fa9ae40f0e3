"""The controls, one family a folder, one technique a file."""

from __future__ import annotations

from casemate.core import registry
from casemate.core.control import Control

FAMILIES = (
    "casemate.controls.access",
    "casemate.controls.encryption.homomorphic",  # the file itself: the encrypted service builds on the rest of its room
    "casemate.controls.hardening",
    "casemate.controls.monitoring",
    "casemate.controls.privacy",
)


def controls() -> dict[str, type[Control]]:
    """Return every control by id: Casemate's own families and whatever installed packages add."""
    return registry.load("control", FAMILIES)


def find(id: str) -> type[Control]:
    """Return the control called ``id``. Raises UnknownName with the nearest name."""
    found: type[Control] = registry.find("control", id, controls())
    return found
