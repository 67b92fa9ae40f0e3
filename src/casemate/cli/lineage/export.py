"""casemate lineage export: the lineage as OpenLineage events."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from casemate.cli.lineage import Dash, Store
from casemate.cli.lineage.opened import opened
from casemate.cli.screen import err

KEY = "OPENLINEAGE_API_KEY"  # as the standard's own clients call it


def command(to: Annotated[str, Dash] = "-", /, *, store: Store = None) -> int:
    """Write or send the lineage as OpenLineage events.

    Args:
        to: A file, one event in JSON per line; an http(s):// address that takes OpenLineage events, with the key of
            OPENLINEAGE_API_KEY where it is set; - for stdout.
        store: The lineage store. Default: that of CASEMATE_LINEAGE, else .casemate/lineage.db.
    """
    import msgspec

    from casemate.integrations.openlineage import File, Http, emit, events

    with opened(store) as lineage:
        found = events(lineage.graph())
    if to == "-":
        for event in found:
            sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
        return 0
    web = to.startswith(("http://", "https://"))
    count = emit(found, Http(to, os.environ.get(KEY, "")) if web else File(Path(to)))
    err().print(f"{'sent' if web else 'wrote'} {count:,} events", soft_wrap=True)
    return 0
