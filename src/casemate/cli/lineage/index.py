"""casemate lineage index: whom each row of a data set is about, so that people are found in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from casemate.cli.lineage import Store
from casemate.cli.lineage.opened import of_kind, opened
from casemate.cli.screen import err
from casemate.core.errors import CasemateError, DataUnreadable


def command(
    name: str,
    /,
    *,
    column: str,
    file: Path | None = None,
    bits: Annotated[Literal[64, 128], Parameter()] = 64,
    actor: str = "",
    store: Store = None,
) -> int:
    """Index whom each row of a data set is about, so that people are found.

    Only keyed tokens of the ids are kept, encrypted.

    Args:
        name: The data set; its newest version, or the one of name@digest.
        column: The column that says whom a row is about.
        file: A file with that column and the same rows, where the data set itself has pseudonyms or no ids at all.
            Default: the data set's own.
        bits: Length of a token; 128 where there are more than about 100 million people.
        actor: Who does it. Default: that of CASEMATE_ACTOR, else the user of this machine.
        store: The lineage store. Default: that of CASEMATE_LINEAGE, else .casemate/lineage.db.
    """
    from casemate.cli.tracing import actor as whoever
    from casemate.core.digests import file_digest
    from casemate.lineage.erasure.formats import format_of
    from casemate.lineage.erasure.places import path_of
    from casemate.lineage.versions import load

    with opened(store) as lineage:
        thing = of_kind(lineage, name, "dataset")
        with lineage.store.reading() as connection:
            version = load(connection, thing.number)
        path = file or path_of(version.location)
        if path is None or not path.is_file():
            raise CasemateError(f"the file of {thing} is not here", where=version.location, fix="name it with --file")
        if file is None and file_digest(path) != version.digest:
            raise CasemateError(f"the file is another version than {thing}", where=str(path), fix="record it first")
        format = format_of(path)
        if format is None:
            raise DataUnreadable(f"{path.name} is neither delimited text nor Parquet", where=str(path))
        ids = format.ids(path, column)
        if 0 <= version.rows != len(ids):
            raise CasemateError(
                f"{path} has {len(ids)} rows, and {thing} has {version.rows}", fix="name the right file"
            )
        if file is not None:
            ids = ids.alias("")  # the data set itself need not have the column
        lineage.index(thing.number, ids, actor=actor or whoever(), bits=bits)
        err().print(f"indexed {len(ids):,} rows of {thing}", soft_wrap=True)
    return 0
