"""Tracing: where the lineage of a command is kept, and who is named as having run it."""

from __future__ import annotations

import datetime
import getpass
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.cli import stored

if TYPE_CHECKING:
    from casemate.core.provenance import DatasetVersion, Run
    from casemate.core.system import DataVersion
    from casemate.lineage import Lineage

Facts = Mapping[str, str]
NO_FACTS: Facts = {}
VARIABLE = "CASEMATE_LINEAGE"
ACTOR = "CASEMATE_ACTOR"
FILES = "CASEMATE_LINEAGE_FILES"
FILE = "lineage.db"


def store_of(asked: str | None, environment: Mapping[str, str] = os.environ, *, near: Path | None = None) -> str:
    """Return the address of the lineage store.

    The one asked for; else that of the environment; else ``.casemate/lineage.db`` here or in the nearest folder above
    that has one; else the one that would be made here.

    Args:
        asked: what the command line names.
        environment: the variables of the process.
        near: the folder to look from. Default: the working folder.
    """
    if asked or environment.get(VARIABLE):
        return asked or environment[VARIABLE]
    here = near or Path.cwd()
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


def trace(run: Run, asked: str | None = None, *, same_rows: bool = False, model: str = "") -> int:
    """Record a run in the lineage store; return the number of its entry.

    What it read is recorded under the name that the lineage knows that content by.

    Args:
        run: what ran.
        asked: the store that the command line names.
        same_rows: whether its one output holds the rows of its one input, in the same order: whoever is found in the
            one is then found in the other.
        model: the digest of the model that it asked, where it asked one; nothing is told where the lineage does not
            know it.

    Raises:
        StoreError, LineageError: it could not be recorded.
    """
    with opened_at(store_of(asked)) as lineage:
        run = named_as_known(lineage, run)
        entry = lineage.record(run, models=_models(lineage, model))
        if same_rows:
            source, target = (number_of(lineage, version) for version in (run.inputs[0], run.outputs[0]))
            lineage.index_like(target, source, actor=run.actor)
        return entry


def trace_reading(
    job: str, version: DatasetVersion, started: datetime.datetime, asked: str | None = None, *, facts: Facts = NO_FACTS
) -> int:
    """Record that a command read a data set and wrote none; return the number of its entry."""
    from casemate.core.provenance import Run

    finished = datetime.datetime.now(datetime.UTC)
    return trace(Run(job, actor(), started, finished, (version,), facts=facts), asked)


def versions_of(data: Iterable[DataVersion], folder: Path) -> tuple[DatasetVersion, ...]:
    """Return the files that a system is made from, as the lineage knows them.

    Args:
        data: as the system knows them.
        folder: of the system file, which their paths start from.
    """
    from casemate.core.provenance import DatasetVersion

    return tuple(DatasetVersion(Path(one.source).stem, one.digest, str(folder / one.source)) for one in data)


def version_of(source: str | Path, columns: Sequence[str] = (), rows: int = -1) -> DatasetVersion | None:
    """Return the version of the data in a file; None for what scikit-learn ships, which no lineage could know."""
    from casemate.core.digests import file_digest
    from casemate.core.provenance import DatasetVersion

    path = Path(source)
    if not path.is_file():
        return None
    return DatasetVersion(path.stem, file_digest(path), str(path.absolute()), rows, tuple(columns))


def number_of(lineage: Lineage, version: DatasetVersion) -> int:
    """Return the number of a version that the lineage holds."""
    return lineage.find(f"dataset:{version.name}@{version.digest}")[0].number


def _models(lineage: Lineage, digest: str) -> list[int]:
    """The numbers under which the lineage knows a model; none where it was made elsewhere."""
    from casemate.core.errors import UnknownName

    try:
        return [thing.number for thing in lineage.find(digest) if thing.kind == "model"] if digest else []
    except UnknownName:
        return []


def opened_at(address: str) -> Lineage:
    """Return the lineage at an address, made where it is not there yet."""
    from casemate.lineage import Lineage

    if "://" not in address:
        Path(address).parent.mkdir(parents=True, exist_ok=True)
    return Lineage.open(address, files=files_of())


def files_of(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the folder of tokens, receipts and the key that the environment names; None for that beside the store."""
    return Path(environment[FILES]) if environment.get(FILES) else None


def named_as_known(lineage: Lineage, run: Run) -> Run:
    """Return the run with its inputs under the names that the lineage knows their contents by."""
    from casemate.lineage.recognise import recognised

    with lineage.store.reading() as connection:
        return recognised(run, connection)
