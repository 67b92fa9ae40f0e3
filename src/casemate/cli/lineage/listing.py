"""casemate lineage list: what was recorded."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from casemate.cli.lineage import Store
from casemate.cli.lineage.opened import opened
from casemate.cli.table import show_table
from casemate.report.words import printable

if TYPE_CHECKING:
    from casemate import store as stores

What = Literal[
    "datasets",
    "columns",
    "models",
    "deployments",
    "consumers",
    "runs",
    "assessments",
    "findings",
    "purposes",
    "key-epochs",
]


def command(what: What = "datasets", /, *, store: Store = None, json: Annotated[bool, Parameter()] = False) -> int:
    """List what was recorded, the newest last.

    Args:
        what: What to list.
        store: The lineage store. Default: that of CASEMATE_LINEAGE, else .casemate/lineage.db.
        json: Print JSON instead of a table.
    """
    import msgspec

    with opened(store) as lineage:
        found = _found(lineage.store, what)
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
        return 0
    show_table(*_table(found))
    return 0


def _found(store: stores.Store, what: What) -> Sequence[Any]:
    from casemate.lineage import recorded
    from casemate.lineage.names import every
    from casemate.lineage.web import KINDS

    match what:
        case "runs":
            return recorded.runs(store)
        case "assessments":
            return recorded.assessments(store)
        case "findings":
            return recorded.findings(store)
        case "purposes":
            return recorded.purposes(store)
        case "key-epochs":
            return recorded.epochs(store)
    return every(store, next(kind for kind in KINDS if f"{kind}s" == what))


def _table(found: Sequence[Any]) -> tuple[list[str], list[list[str]]]:
    from dataclasses import asdict

    from casemate.lineage.names import Thing

    if not found or isinstance(found[0], Thing):
        return ["name", "number", "digest"], [[str(thing), str(thing.number), thing.digest] for thing in found]
    rows = [asdict(one) for one in found]
    head = [name.replace("_", " ") for name in rows[0]]
    return head, [[printable(" ".join(str(value).split())) for value in row.values()] for row in rows]
