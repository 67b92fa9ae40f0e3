"""From the [release] table to a table that is given away: the raw rows, their columns' roles, and what is published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np

from casemate.core.control import Control
from casemate.core.digests import file_digest
from casemate.core.errors import EmptyData, ShapeMismatch, SystemFileError, did_you_mean
from casemate.core.published import AsPublished
from casemate.core.release import Release
from casemate.core.schema import Role
from casemate.core.system import DataVersion
from casemate.systems.data.read import Source
from casemate.systems.declaration import Declaration, ModelTable, ReleaseTable
from casemate.systems.lines import Lines
from casemate.systems.strict import mistake
from casemate.systems.text import parse_text, read_text

if TYPE_CHECKING:
    import polars

ReadLabels = Callable[[Release, "polars.DataFrame", np.ndarray], Release]
"""Reads the labels of a published table: the raw table, the published one, and which raw row each row is about."""


@dataclass(frozen=True, eq=False)
class Given:
    """What a [release] table describes.

    Args:
        raw: the raw table with its columns' roles.
        known: columns that attackers know of people; empty for the usual ones.
        controls: the published table in place of controls, where one is named.
    """

    raw: Release
    known: tuple[str, ...]
    controls: tuple[Control, ...]


def check_parts(declaration: Declaration, lines: Lines) -> None:
    """Raise SystemFileError where the file describes neither a model's data nor a release, or a model without data."""
    if declaration.data is None and declaration.release is None:
        raise mistake(
            "there is neither a table [data] nor a table [release]",
            lines,
            (),
            why="an assessment needs a model and its rows, or a table that is to be given away",
            fix='add [data] with train = "<file>", or [release] with table = "<file>"',
        )
    if declaration.data is None and declaration.model != ModelTable():
        raise mistake(
            "[model] names a model, and there is no table [data]",
            lines,
            ("model",),
            why="without rows nobody can say what the model does",
            fix='add [data] with train = "<file>", or remove [model]',
        )


def load_release(declaration: Declaration, root: Path, lines: Lines, read_labels: ReadLabels | None) -> Given:
    """Return the table that a [release] table describes; file names start from ``root``.

    Raises:
        SystemFileError: roles are missing or contradict the columns, or no such column.
        DataError: a file that cannot be read, or a published table whose rows cannot be told.
    """
    table = declaration.release
    assert table is not None
    frame = _read(table.table, table, root)
    keys = _keys(frame, table, table.table, lines)
    if table.key is not None:
        frame = frame.drop(table.key)
    raw = Release(frame, _roles(frame, declaration, root, lines), np.arange(frame.height, dtype=np.int64))
    for place, name in enumerate(table.known):
        _check_column(name, frame.columns, lines, ("release", "known", place))
    if table.published is None:
        return Given(raw, table.known, ())
    if read_labels is None:
        raise mistake("a published table cannot be read here", lines, ("release", "published"))
    published = _read(table.published, table, root)
    rows = _rows(keys, published, table, lines)
    made = read_labels(raw, published.drop(table.key) if table.key else published, rows)
    return Given(raw, table.known, (AsPublished(release=made),))


def versions_of(declaration: Declaration, root: Path) -> tuple[DataVersion, ...]:
    """Return the data files that a system file names, by which the lineage knows them."""
    data, release = declaration.data, declaration.release
    named: list[tuple[str, str | None]] = []
    if data is not None:
        named += [("train", data.train), ("test", data.test), ("trusted", data.trusted)]
    if release is not None:
        named += [("release", release.table), ("published", release.published)]
    files = [(role, name, root / name) for role, name in named if name is not None]
    return tuple(DataVersion(role, name, file_digest(path)) for role, name, path in files if path.is_file())


def _read(name: str, table: ReleaseTable, root: Path) -> polars.DataFrame:
    rows, _ = Source(name, root, table.format, table.delimiter).read()
    if isinstance(rows.values, np.ndarray):
        raise ShapeMismatch(
            f"{name} holds numbers without columns", where=name, fix="give a table: a CSV, TSV or Parquet file"
        )
    return rows.values


def _roles(frame: polars.DataFrame, declaration: Declaration, root: Path, lines: Lines) -> dict[str, Role]:
    table = declaration.release
    assert table is not None
    roles = _policy_roles(table, declaration.privacy_policy, root, lines)
    for name in table.columns:
        _check_column(name, frame.columns, lines, ("release", "columns", name))
    roles = {name: role for name, role in (roles | table.columns).items() if name in frame.columns}
    for name in frame.columns:
        if name in roles:
            continue
        if table.role is None:
            raise mistake(
                f"the column {name!r} of {table.table} has no role",
                lines,
                ("release", "table"),
                why="a column of which nobody says what it tells of people cannot be judged",
                fix=f'write {name} = "<role>" under [release.columns]; roles are {", ".join(get_args(Role))}',
            )
        roles[name] = table.role
    return roles


def _policy_roles(table: ReleaseTable, inside: dict[str, Any], root: Path, lines: Lines) -> dict[str, Role]:
    """The roles that a privacy policy gives; the rest of it is for `casemate deidentify`."""
    where = str(root / table.policy) if table.policy is not None else "[privacy-policy]"
    if table.policy is not None:
        text = read_text(root / table.policy, "privacy policy", "give its path, or write one: casemate profile <data>")
        held, _ = parse_text(text, where, "the privacy policy")
    else:
        held = inside
    columns = held.get("columns", {})
    if not isinstance(columns, dict):
        raise SystemFileError("the privacy policy's columns are no table", where=where, fix="write [columns.<name>]")
    roles: dict[str, Role] = {}
    for name, told in columns.items():
        role = told.get("role") if isinstance(told, dict) else None
        if role not in get_args(Role):
            raise mistake(
                f"the privacy policy says {role!r} of the column {name!r}.{did_you_mean(str(role), get_args(Role))}",
                lines,
                ("release",),
                fix=f"look at {where}; roles are {', '.join(get_args(Role))}",
            )
        roles[name] = cast(Role, role)
    return roles


def _check_column(name: str, columns: list[str], lines: Lines, path: tuple[str | int, ...]) -> None:
    if name not in columns:
        raise mistake(
            f"the table has no column {name!r}.{did_you_mean(name, columns)}", lines, path, fix="correct the name"
        )


def _keys(frame: polars.DataFrame, table: ReleaseTable, source: str, lines: Lines) -> polars.Series | None:
    if table.key is None:
        return None
    _check_column(table.key, frame.columns, lines, ("release", "key"))
    keys = frame[table.key]
    if keys.null_count() or keys.n_unique() < len(keys):
        raise mistake(
            f"{table.key!r} does not tell the rows of {source} apart",
            lines,
            ("release", "key"),
            why="which row is about whom decides what an attack has found",
            fix="name a column without repeated or missing values",
        )
    return keys


def _rows(keys: polars.Series | None, published: polars.DataFrame, table: ReleaseTable, lines: Lines) -> np.ndarray:
    """Which raw row each published row is about, (n,) int64."""
    import polars as pl

    assert table.published is not None
    if not published.height:
        raise EmptyData("the published table holds no row", where=table.published)
    if keys is None:
        return np.arange(published.height, dtype=np.int64)
    own = _keys(published, table, table.published, lines)
    assert own is not None
    at = pl.DataFrame({"key": keys.cast(pl.String), "row": np.arange(len(keys), dtype=np.int64)})
    found = own.cast(pl.String).alias("key").to_frame().join(at, on="key", how="left", maintain_order="left")["row"]
    if found.null_count():
        lost = own.filter(found.is_null())[0]
        raise mistake(
            f"{table.published} has a row {lost!r} that {table.table} does not have",
            lines,
            ("release", "published"),
            why="an attack is judged by the raw row that a published row is about",
            fix="check that both files are of one table, and the key",
        )
    return found.to_numpy()
