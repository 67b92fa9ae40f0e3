"""Lineage: where data came from, what it touched, and who is in it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from casemate.lineage.lineage import Lineage
    from casemate.lineage.things import Model

_HOMES = {"Lineage": "casemate.lineage.lineage", "Model": "casemate.lineage.things"}

__all__ = ["Lineage", "Model"]


def __getattr__(name: str) -> Any:  # the database is loaded when it is needed
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
