"""casemate encrypt aggregate sum: contributions added up by somebody who can read none of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from casemate.cli.encrypt.aggregate.rounds import CONTRIBUTIONS, TOTAL, Round
from casemate.cli.screen import err
from casemate.core.errors import EncryptedError


def command(folder: Path, /, *, quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False) -> int:
    """Add up all contributions, without reading them.

    Exits with 0 where all were added, and with 1 where some were refused: the total is then that of the others.

    Args:
        folder: The round.
        quiet: Print refusals only.
    """
    from casemate.controls.encrypted_aggregation.aggregator import Aggregator

    held = Round(folder)
    server, refused = Aggregator(held.key), 0
    for name in held.senders(CONTRIBUTIONS, held.plan.contributors):
        try:
            (data,) = held.messages(CONTRIBUTIONS, [name])
            server.add(data)
        except EncryptedError as error:
            refused += 1
            err().print(f"refused {name}: {error.what}", soft_wrap=True)
    held.write(TOTAL, server.total().data)
    if not quiet:
        err().print(f"added {len(server):,} contributions; the holders can open the total", soft_wrap=True)
    return 1 if refused else 0
