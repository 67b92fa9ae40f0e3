"""casemate lineage import: OpenLineage events taken in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from casemate.cli.lineage import Dash, Store
from casemate.cli.lineage.opened import opened
from casemate.cli.screen import err


def command(file: Annotated[str, Dash], /, *, store: Store = None) -> int:
    """Take in OpenLineage events.

    All are checked before the first is recorded. Runs, deployments and consumers that the lineage knows already, from
    the same events or from its own records, are not recorded again.

    Args:
        file: Events in JSON: one per line, or all in one list; - for stdin, one per line.
        store: The lineage store. Default: that of CASEMATE_LINEAGE, else .casemate/lineage.db.
    """
    from casemate.integrations.openlineage import bring_in, lines, read

    with opened(store, create=True) as lineage:
        found = bring_in(lineage, lines(sys.stdin.buffer) if file == "-" else read(Path(file)), file)
    err().print(
        f"took in {found.runs:,} runs, {found.models:,} models, {found.deployments:,} deployments and "
        f"{found.consumers:,} consumers" + (f"; {found.known:,} were known already" if found.known else ""),
        soft_wrap=True,
    )
    return 0
