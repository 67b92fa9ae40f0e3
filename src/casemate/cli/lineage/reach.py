"""casemate lineage downstream and upstream: the blast radius of something, and its provenance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from casemate.cli.lineage import Store
from casemate.cli.lineage.opened import opened
from casemate.cli.lineage.written import Outputs, parse, write
from casemate.cli.table import show_table

if TYPE_CHECKING:
    from casemate.lineage.trace import Reach
    from casemate.lineage.web import Direction

Columns = Annotated[bool, Parameter(name="--columns")]


def downstream(name: str, /, *, columns: Columns = False, output: Outputs = None, store: Store = None) -> int:
    """Show what a column, data set, model or deployment touched.

    Args:
        name: What to follow: crm.people (all versions), crm.people@1a2b3c, crm.people:age, or the name of a model,
            deployment or consumer.
        columns: Show every column, not only data sets, models, deployments and consumers.
        output: Write it too: html=PATH a page, json=PATH nodes and edges; may be repeated.
        store: The lineage store. Default: that of CASEMATE_LINEAGE, else .casemate/lineage.db.
    """
    return _show(name, "downstream", columns, output, store)


def upstream(name: str, /, *, columns: Columns = False, output: Outputs = None, store: Store = None) -> int:
    """Show where a column, data set, model, deployment or consumer came from.

    Args:
        name: What to follow: crm.people (all versions), crm.people@1a2b3c, crm.people:age, or the name of a model,
            deployment or consumer.
        columns: Show every column, not only data sets, models, deployments and consumers.
        output: Write it too: html=PATH a page, json=PATH nodes and edges; may be repeated.
        store: The lineage store. Default: that of CASEMATE_LINEAGE, else .casemate/lineage.db.
    """
    return _show(name, "upstream", columns, output, store)


def _show(name: str, direction: Direction, columns: bool, output: list[str] | None, store: str | None) -> int:
    from casemate.lineage.trace import search
    from casemate.lineage.web import KINDS

    wanted = parse(output)
    with opened(store) as lineage:
        roots = lineage.find(name)
        reach = search(lineage.web, [thing.number for thing in roots], direction)
        rows = []
        for kind in KINDS:
            if kind != "column" or columns or roots[0].kind == "column":
                found = lineage.things(reach.of(kind), kind)
                rows += [[str(thing), kind, _far(reach, thing.number)] for thing in found]
        show_table(["name", "kind", "steps away"], sorted(rows, key=lambda row: int(row[2])))
        if wanted:
            focus = f"{roots[-1].kind}:{roots[-1].number}"
            title = f"What {name} touched" if direction == "downstream" else f"Where {name} came from"
            write(wanted, lineage.graph(reach), title, focus)
    return 0


def _far(reach: Reach, number: int) -> str:
    return str(int(reach.distances[number]))
