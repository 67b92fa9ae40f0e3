"""casemate lineage list: what was recorded."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from cyclopts import Parameter

from casemate.cli.lineage import Store
from casemate.cli.lineage.opened import opened
from casemate.cli.table import show_table

What = Literal["datasets", "models", "deployments", "consumers", "columns"]


def command(what: What = "datasets", /, *, store: Store = None, json: Annotated[bool, Parameter()] = False) -> int:
    """List what was recorded, the newest last.

    Args:
        what: What to list.
        store: The lineage store. Default: that of CASEMATE_LINEAGE, else .casemate/lineage.db.
        json: Print JSON instead of a table.
    """
    import msgspec

    from casemate.lineage.names import every
    from casemate.lineage.web import KINDS

    kind = next(kind for kind in KINDS if f"{kind}s" == what)
    with opened(store) as lineage:
        found = every(lineage.store, kind)
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
        return 0
    show_table(["name", "number", "digest"], [[str(thing), str(thing.number), thing.digest] for thing in found])
    return 0
