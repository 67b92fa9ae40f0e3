"""The registry: what attacks and controls there are. Families register on import, third parties by entry point."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Any, Literal

from casemate.core.errors import CasemateError, UnknownName, did_you_mean

What = Literal["attack", "control"]

_GROUPS: dict[What, str] = {"attack": "casemate.attacks", "control": "casemate.controls"}
_found: dict[What, dict[str, Any]] = {"attack": {}, "control": {}}
_loaded: set[str] = set()


def add(what: What, id: str, thing: Any) -> None:
    """Register an attack or a control under its id.

    Raises:
        CasemateError: another module already holds the id.
    """
    held = _found[what].get(id)
    if held is not None and held.module != thing.module:
        raise CasemateError(
            f"two {what}s call themselves {id!r}",
            where=f"{held.module} and {thing.module}",
            fix="rename one of them",
        )
    _found[what][id] = thing


def load(what: What, families: Iterable[str]) -> dict[str, Any]:
    """Import the named family modules and all installed entry points; return what is registered, by id, sorted.

    Raises:
        CasemateError: a third-party entry point that cannot be imported.
    """
    for family in families:
        importlib.import_module(family)
    for entry in entry_points(group=_GROUPS[what]):
        if entry.value in _loaded:
            continue
        try:
            entry.load()
        except Exception as error:
            raise CasemateError(
                f"the {what} plug-in {entry.name!r} could not be imported: {error}",
                where=f"entry point {entry.value!r} in group {_GROUPS[what]!r}",
                fix="repair or uninstall the package that provides it",
            ) from error
        _loaded.add(entry.value)
    return dict(sorted(_found[what].items()))


def find(what: What, id: str, among: dict[str, Any]) -> Any:
    """Return the one called ``id``.

    Raises:
        UnknownName: nothing is called so; with the nearest name.
    """
    if id not in among:
        raise UnknownName(
            f"there is no {what} {id!r}.{did_you_mean(id, among)}",
            fix=f"casemate list {what}s",
        )
    return among[id]
