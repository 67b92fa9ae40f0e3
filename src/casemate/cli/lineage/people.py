"""casemate lineage subject: where a person is."""

from __future__ import annotations

import sys
from typing import Annotated

from casemate.cli.lineage import Dash, Store
from casemate.cli.lineage.opened import opened
from casemate.cli.table import show_table
from casemate.core.errors import CasemateError


def command(id: Annotated[str, Dash], /, *, store: Store = None) -> int:
    """Show which data sets, models and deployments hold a person.

    Exits with 1 where somebody is found, with 0 where nobody is.

    Args:
        id: The person's id, as it is in the source data; - reads it from stdin, so that it stays out of the shell's
            history.
        store: The lineage store. Default: that of CASEMATE_LINEAGE, else .casemate/lineage.db.
    """
    with opened(store) as lineage:
        found = lineage.whereabouts(subject_of(id))
        rows = [
            [str(thing), thing.kind, "exists no more" if thing.number in found.ended else "holds the person"]
            for thing in found.versions
        ]
        rows += [[str(thing), thing.kind, "was trained on them"] for thing in found.models]
        rows += [[str(thing), thing.kind, "uses such a model"] for thing in (*found.deployments, *found.consumers)]
        show_table(["name", "kind", "why"], rows)
    return 1 if found.versions else 0


def subject_of(id: str) -> str:
    """Return a person's id as it is given: itself, or the first line of stdin for ``-``.

    Raises:
        CasemateError: it is empty.
    """
    found = sys.stdin.readline().rstrip("\r\n") if id == "-" else id
    if not found:
        raise CasemateError("the person's id is empty", fix="give it as it is in the source data")
    return found
