"""Tracing: where the lineage of a command is kept, and who is named as having run it."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.cli import stored

if TYPE_CHECKING:
    from casemate.core.provenance import Run

VARIABLE = "CASEMATE_LINEAGE"
ACTOR = "CASEMATE_ACTOR"
FILE = "lineage.db"


def store_of(asked: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """Return the address of the lineage store.

    The one asked for; else that of the environment; else ``.casemate/lineage.db`` here or in the nearest folder above
    that has one; else the one that would be made here.
    """
    if asked or environment.get(VARIABLE):
        return asked or environment[VARIABLE]
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (found := folder / stored.FOLDER / FILE).is_file():
            return str(found)
    return str(here / stored.FOLDER / FILE)


def actor(environment: Mapping[str, str] = os.environ) -> str:
    """Return who runs the command: as the environment says, else the user's name on this machine."""
    if environment.get(ACTOR):
        return environment[ACTOR]
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def trace(run: Run, asked: str | None = None) -> int:
    """Record a run in the lineage store; return the number of its entry.

    What it read is recorded under the name that the lineage knows that content by.

    Raises:
        StoreError, LineageError: it could not be recorded.
    """
    from casemate.lineage import Lineage
    from casemate.lineage.recognise import recognised

    address = store_of(asked)
    if "://" not in address:
        Path(address).parent.mkdir(parents=True, exist_ok=True)
    with Lineage.open(address) as lineage:
        with lineage.store.reading() as connection:
            run = recognised(run, connection)
        return lineage.record(run)
