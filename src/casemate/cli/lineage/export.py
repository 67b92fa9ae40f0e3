"""casemate lineage export: the lineage as OpenLineage events."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from casemate.cli.lineage import Dash, Store
from casemate.cli.lineage.opened import opened
from casemate.cli.lineage.written import keep
from casemate.cli.screen import err


def command(to: Annotated[str, Dash] = "-", /, *, store: Store = None) -> int:
    """Write or send the lineage as OpenLineage events.

    Args:
        to: A file, one event in JSON per line; an http(s):// address that takes OpenLineage events; - for stdout.
        store: The lineage store. Default: that of CASEMATE_LINEAGE, else .casemate/lineage.db.
    """
    import msgspec

    from casemate.integrations import openlineage

    with opened(store) as lineage:
        found = openlineage.events(lineage)
    if to.startswith(("http://", "https://")):
        openlineage.send(found, to)
        err().print(f"sent {len(found):,} events", soft_wrap=True)
        return 0
    data = b"".join(msgspec.json.encode(event) + b"\n" for event in found)
    if to == "-":
        sys.stdout.write(data.decode())
    else:
        keep(Path(to), data)
    return 0
