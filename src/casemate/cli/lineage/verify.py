"""casemate lineage verify: whether the chain holds."""

from __future__ import annotations

from casemate.cli.lineage import Store
from casemate.cli.lineage.opened import opened
from casemate.cli.screen import out
from casemate.core.errors import ChainBroken


def command(*, head: str = "", store: Store = None) -> int:
    """Recompute the chain, and name the first entry that was changed.

    Exits with 0 where the chain holds and with 1 where it does not.

    Args:
        head: A hash that was printed earlier and kept elsewhere: some entry must have it. Without it, entries that
            were cut off at the end are not noticed.
        store: The lineage store. Default: that of CASEMATE_LINEAGE, else .casemate/lineage.db.
    """
    with opened(store) as lineage:
        try:
            found = lineage.verify(head)
        except ChainBroken as error:
            from casemate.cli.failure import show

            show(error)
            return 1
    gone = f", {found.emptied} texts taken away by erasures" if found.emptied else ""
    out().print(f"The chain holds: {found.entries:,} entries, {found.edges:,} edges{gone}.", soft_wrap=True)
    out().print(f"head {found.head.hash}", soft_wrap=True)
    return 0
