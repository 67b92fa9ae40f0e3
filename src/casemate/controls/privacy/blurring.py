"""Blurring a release: its quasi-identifiers as codes, and groups of rows as the table that is published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from casemate.controls.privacy.declaration import GeneraliseTable
from casemate.core.errors import ControlFailed, ShapeMismatch, did_you_mean
from casemate.core.release import Meanings, Release

if TYPE_CHECKING:
    import polars

    from casemate.controls.anonymity.coding import Coded
    from casemate.controls.anonymity.domains import Detail


def detail_of(table: GeneraliseTable, ordinal: bool | None = None, folder: Path | None = None) -> Detail:
    """Return how a column may be blurred, as the kernels take it.

    Args:
        table: what a policy or a control's options say.
        ordinal: whether its values have an order, where that is said.
        folder: where the path of a hierarchy file starts from; by default the working directory.

    Raises:
        DataMissing, DataUnreadable, EmptyData: the hierarchy file is absent or no UTF-8 CSV.
    """
    from casemate.controls.anonymity.domains import Detail

    rows, where = table.rows, "the hierarchy"
    if table.hierarchy is not None:
        from casemate.controls.anonymity.hierarchy_file import read_rows

        path = (folder or Path()) / table.hierarchy
        rows, where = read_rows(path), str(path)
    return Detail(
        rows=rows,
        where=lambda row: f"{where}:{row + 1}" if table.hierarchy is not None else f"{where}, row {row + 1}",
        widths=table.widths,
        origin=table.origin,
        steps=table.dates,
        prefixes=table.prefixes,
        order=table.order,
        ordinal=table.ordinal if ordinal is None else ordinal,
        weight=table.weight,
    )


def declared(columns: Mapping[str, GeneraliseTable], name: str) -> Detail:
    """Return how a column may be blurred, as a control's options say; freely where they do not name it."""
    return detail_of(columns.get(name, GeneraliseTable()))


def with_rows(columns: Mapping[str, GeneraliseTable], folder: Path) -> dict[str, GeneraliseTable]:
    """Return the same columns with the rows of hierarchy files in place of their paths.

    Raises:
        DataMissing, DataUnreadable, EmptyData: a hierarchy file is absent or no UTF-8 CSV.
    """
    from casemate.controls.anonymity.hierarchy_file import read_rows

    return {
        name: table
        if table.hierarchy is None
        else msgspec.structs.replace(table, rows=read_rows(folder / table.hierarchy), hierarchy=None)
        for name, table in columns.items()
    }


def quasi_identifiers(release: Release, asked_by: str) -> tuple[str, ...]:
    """Return the columns that are to be blurred.

    Raises:
        ControlFailed: there are none, or one of them holds pseudonyms.
    """
    names = release.columns("quasi-identifier")
    if not names:
        raise ControlFailed(
            "the table has no quasi-identifier",
            where=asked_by,
            why="whoever knows people by other columns would still find them",
            fix='give the columns by which people could be recognised the role "quasi-identifier"',
        )
    covered = [name for name in names if name in release.pseudonyms]
    if covered:
        raise ControlFailed(
            f"the quasi-identifier {covered[0]!r} holds pseudonyms",
            where=asked_by,
            why="neighbouring stand-ins have nothing in common that a range could name",
            fix="blur it before, or do without the pseudonym",
        )
    return names


def coded(
    release: Release,
    columns: Mapping[str, GeneraliseTable],
    asked_by: str,
    detail: Callable[[str, polars.Series], Detail],
) -> Coded:
    """Return a release's quasi-identifiers as codes.

    Args:
        release: the table.
        columns: how single columns may be blurred.
        asked_by: the control, for errors.
        detail: says how a column, by its name and values, may be blurred.

    Raises:
        ShapeMismatch: an option names a column that is no quasi-identifier of the release.
        ControlFailed, DataError: see `quasi_identifiers` and `coding.code`.
    """
    from casemate.controls.anonymity.coding import code

    names = quasi_identifiers(release, asked_by)
    for name in columns:
        if name not in names:
            raise ShapeMismatch(
                f"{name!r} is no quasi-identifier of the table.{did_you_mean(name, names)}",
                where=f"{asked_by}: columns",
                fix=f"its quasi-identifiers are: {', '.join(names)}",
            )
    return code(release.table, names, {name: detail(name, release.table[name]) for name in names})


def sensitive(release: Release) -> tuple[np.ndarray, list[bool]]:
    """Return a release's sensitive columns as codes, (n, s) int32, and whether each has an order."""
    from casemate.controls.anonymity.coding import encode
    from casemate.controls.anonymity.survey import domain_of

    names = release.columns("sensitive")
    domains = [domain_of(release.table[name]) for name in names]
    codes = np.zeros((len(release), len(names)), dtype=np.int32)
    for j, domain in enumerate(domains):
        codes[:, j] = encode(release.table[domain.name], domain, exact=True)
    return codes, [domain.ordinal for domain in domains]


def published(
    release: Release, rows: np.ndarray, columns: Mapping[str, polars.Series], meanings: Mapping[str, Meanings]
) -> Release:
    """Return the release with only these rows, and with blurred columns in place of its own.

    Args:
        rows: positions in the release, (m,), in the order in which they are published.
        columns: by name, (m,).
        meanings: what the labels of these columns may stand for, over the values that the release held; columns that
            are not named there were changed without a word on how far.
    """
    from casemate.controls.anonymity.composition import compose

    told: dict[str, Any] = {name: told for name, told in release.meanings.items() if name not in columns}
    told |= {name: release.meanings[name] for name in meanings if name in release.meanings}
    for name, meaning in meanings.items():
        told[name] = compose(meaning, told[name]) if name in told else meaning
    table = release.table[rows].with_columns(list(columns.values()))
    return replace(release, table=table, rows=release.rows[rows], meanings=told)
