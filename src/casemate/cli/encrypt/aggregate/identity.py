"""casemate encrypt aggregate identity: who somebody is, to everybody else in a round."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from casemate.cli.screen import out
from casemate.core.errors import KeyExists


def command(name: str, /, *, output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None) -> int:
    """Make the key that a client or a holder signs with.

    Prints NAME=KEY with its public half, which goes into a plan. The file is for its owner alone; it serves for any
    number of rounds.

    Args:
        name: What the client or holder is called: letters, digits or . _ @ -.
        output: The file. Default: NAME.identity here.
    """
    from casemate.controls.encrypted_aggregation.identity import Identity
    from casemate.controls.encrypted_aggregation.private_files import store_identity

    made = Identity.new(name)
    place = output or Path(f"{name}.identity")
    if place.exists():
        raise KeyExists("there is an identity already", where=str(place), fix="name another file, or move it away")
    store_identity(place, made)
    out().print(f"{made.name}={made.public}", soft_wrap=True)
    return 0
