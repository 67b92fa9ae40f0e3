"""casemate lineage, without a sub-verb: what the lineage holds, and whether its chain does."""

from __future__ import annotations

from casemate.cli.lineage.opened import opened
from casemate.cli.table import show_table


def show(store: str | None) -> int:
    """Print what there is, how much of it, and the end of the chain."""
    from casemate.lineage.names import every
    from casemate.lineage.web import KINDS

    with opened(store) as lineage:
        verified = lineage.verify()
        rows = [[f"{kind}s", f"{len(every(lineage.store, kind)):,}"] for kind in KINDS]
        rows += [
            ["edges", f"{verified.edges:,}"],
            ["entries", f"{verified.entries:,}, the chain holds"],
            ["head", verified.head.hash],
            ["store", lineage.store.shown],
        ]
        show_table(["what", "how much"], rows)
    return 0
