"""casemate encrypt aggregate contribute: a client's numbers, encrypted for the sum alone."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from casemate.cli.encrypt.aggregate.rounds import CONTRIBUTIONS, Round, identity_of
from casemate.cli.encrypt.traced import trace_rows
from casemate.cli.screen import err
from casemate.core.errors import CasemateError, Replayed


def command(
    folder: Path,
    table: Path,
    /,
    *,
    identity: Path,
    lineage: Annotated[str | None, Parameter(metavar="URL")] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Encrypt a client's numbers for the sum.

    A value outside the plan's bounds is refused; a missing one counts for nothing. A client contributes once.

    Args:
        folder: The round.
        table: The client's rows, with the columns that the plan asks for.
        identity: Who the client is; see casemate encrypt aggregate identity.
        lineage: The lineage store.
        quiet: Print nothing.
    """
    import polars as pl

    from casemate.controls.encrypted_aggregation.contributing import Contributor
    from casemate.systems.data.read import Source

    started = datetime.datetime.now(datetime.UTC)
    held, who = Round(folder), identity_of(identity)
    contributor = Contributor(held.key, who)
    if held.senders(CONTRIBUTIONS, {who.name: who.public}):
        raise Replayed(
            f"{who.name} has contributed already",
            where=str(folder / CONTRIBUTIONS / who.name),
            why="the difference of two contributions would tell what changed, and the server takes only the first",
            fix="make a new plan if it has to be replaced",
        )
    rows = Source(str(table), Path()).read()[0].values
    if not isinstance(rows, pl.DataFrame):
        raise CasemateError(f"{table} holds bare arrays", where=str(table), fix="give a table with named columns")
    held.write(f"{CONTRIBUTIONS}/{who.name}", contributor.encrypt(rows))  # type: ignore[arg-type]
    facts = {"aggregation": held.plan.name, "client": who.name}
    trace_rows("casemate encrypt aggregate contribute", table, started, lineage, facts)
    if not quiet:
        from casemate.report.words import count

        err().print(f"{who.name} has contributed {count(rows.height, 'row')}, encrypted", soft_wrap=True)
    return 0
