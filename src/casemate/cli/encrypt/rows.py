"""Rows for a program: read from a table by the names that the program gives its columns, else in order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from casemate.core.errors import NotFinite, OutOfRange

if TYPE_CHECKING:
    import numpy as np

    from casemate.controls.encrypted_service.descriptions import Description
    from casemate.core.schema import Schema


def schema_of(description: Description) -> Schema:
    """Return the columns and classes of a program."""
    from casemate.core.schema import Column, Schema

    count = description.prepare().features
    named = [Column(one.name, kind=one.kind, categories=one.categories) for one in description.features]
    columns = named or [Column(str(place + 1)) for place in range(count)]
    return Schema(tuple(columns), description.classes)


def rows_for(description: Description, source: str) -> np.ndarray:
    """Return the rows of a source, (n, features).

    Args:
        description: of the program.
        source: a path, or ``sklearn:NAME``.

    Raises:
        DataError: no such source, or rows that the program was not made for.
    """
    from casemate.systems.data.read import Source
    from casemate.systems.data.unlabelled import read_numbers, read_rows

    place = Source(source, Path.cwd())
    if description.features:
        return read_rows(place, schema_of(description).columns)
    return read_numbers(place, description.prepare().features)


def check_rows(description: Description, rows: np.ndarray) -> None:
    """Raise where the program was not made for a row, with the column's name.

    Raises:
        OutOfRange: a value outside the range that the program was calibrated on.
        NotFinite: NaN or infinite values.
    """
    try:
        description.prepare()(rows)
    except (OutOfRange, NotFinite) as error:
        raise _named(error, description) from None


def _named(error: OutOfRange | NotFinite, description: Description) -> OutOfRange | NotFinite:
    """The same error with the columns' names in place of their numbers."""
    for place, feature in reversed(list(enumerate(description.features))):
        error.what = error.what.replace(f"feature {place} ", f"{feature.name!r} ")
        if error.where and error.where.endswith(f"feature {place}"):
            error.where = error.where.removesuffix(f"feature {place}") + f"column {feature.name!r}"
    return error
