"""Which columns are model inputs, and of which kind: as declared, otherwise told from the training rows.

Told from the rows: words make a category, its values sorted; true and false a boolean; whole numbers an integer, or a
boolean where they are 0 and 1 and no range is declared; other numbers a number. A number's range is what the training
rows show (`casemate.systems.data.values.with_ranges`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec.structs import asdict, replace

from casemate.core.errors import OutOfRange, TargetMissing, did_you_mean
from casemate.core.schema import MODEL_INPUT_ROLES, Column, Kind
from casemate.systems.data.table import Table, suits
from casemate.systems.declaration import ColumnTable, DataTable, Range
from casemate.systems.lines import Lines
from casemate.systems.strict import mistake

if TYPE_CHECKING:
    import polars

_MOST_VALUES = 256
"""Words that differ in more rows than this are taken for a category only where the owner says so."""
_FEW_NUMBERS = 20
"""Words of which so many are numbers, and few rows hold any other, are a damaged column of numbers."""
_STRAY_SHARE = 0.1

Declared = Mapping[str, tuple[str, ColumnTable]]
"""For each column that is declared: the closest key that declares it, and what all its keys say together."""


def declared_columns(names: Sequence[str], data: DataTable, lines: Lines) -> Declared:
    """Return what is declared of each column.

    Several keys add up: a name goes before a pattern, an earlier pattern before a later one.

    Raises:
        SystemFileError: a key that no column answers to, or keys that contradict each other.
    """
    found: dict[str, tuple[str, ColumnTable]] = {}
    for key, column in sorted(data.columns.items(), key=lambda item: item[0] not in names):  # stable: names first
        matched = [name for name in names if (name == key if key in names else fnmatchcase(name, key))]
        if not matched:
            raise mistake(
                f"{data.train} has no column {key!r}.{did_you_mean(key, names)}",
                lines,
                ("data", "columns", key),
                fix=f"its columns are: {_listed(names)}",
            )
        _check(key, column, lines)
        for name in matched:
            closest, known = found.get(name, (key, column))
            found[name] = (closest, _added(known, column))
            _check(closest, found[name][1], lines)
    _check_range(data.range, lines, ("data", "range"))
    return found


def _added(first: ColumnTable, more: ColumnTable) -> ColumnTable:
    """Return ``first`` with whatever it leaves open taken from ``more``."""
    gaps = {field: value for field, value in asdict(more).items() if getattr(first, field) in (None, ())}
    return replace(first, **gaps)


def target_of(table: Table, data: DataTable, declared: Declared, lines: Lines) -> str:
    """Return the name of the target column.

    Raises:
        SystemFileError: two targets are declared.
        TargetMissing: none is declared where one is needed, or the table has no such column.
    """
    roles = [name for name, (_, column) in declared.items() if column.role == "target"]
    named = list(dict.fromkeys([*([data.target] if data.target else []), *roles]))
    if len(named) > 1:
        path = ("data", "columns", declared[named[1]][0])
        raise mistake(f"{named[0]!r} and {named[1]!r} are both declared as the target", lines, path, fix="keep one")
    if table.labels is not None:
        return named[0] if named else table.target or "target"
    if named and named[0] in table.names:
        return named[0]
    what = f"there is no target column {named[0]!r}.{did_you_mean(named[0], table.names)}" if named else "no target"
    raise TargetMissing(
        what if named else f"[data] does not say which column of {table.source} holds the label",
        where=lines.where("data", "target"),
        fix=f'write target = "<column>"; the columns are: {_listed(table.names)}',
    )


def inputs(table: Table, target: str, data: DataTable, declared: Declared, lines: Lines) -> tuple[Column, ...]:
    """Return the model inputs in the table's order. Ranges that are not declared are left at 0 to 1.

    Raises:
        SystemFileError: no input is left.
        OutOfRange: an undeclared column of a kind that cannot be told, such as dates or free text.
    """
    columns = tuple(
        _input(table, name, data, declared.get(name, ("", ColumnTable()))[1])
        for name in table.names
        if (name != target or table.labels is not None) and _role(name, data, declared) in MODEL_INPUT_ROLES
    )
    if not columns:
        raise mistake(
            "no column is left as a model input", lines, ("data", "columns"), fix="declare a role of 'feature'"
        )
    return columns


def _role(name: str, data: DataTable, declared: Declared) -> str:
    column = declared[name][1] if name in declared else ColumnTable()
    return column.role or data.role


def _input(table: Table, name: str, data: DataTable, declared: ColumnTable) -> Column:
    values = table.column(name)
    if not suits(values.dtype, declared.kind):
        raise OutOfRange(
            f"{table.source} holds values of type {values.dtype} in column {name!r}, which no model takes",
            where=f"{table.source}, column {name!r}",
            fix=f'write role = "ignored" under [data.columns.{name}], or turn the column into numbers',
        )
    bounds = declared.range or data.range
    kind = declared.kind or ("category" if declared.categories else _kind(values, bounds))
    categories = declared.categories or _categories(values, table, declared) if kind == "category" else ()
    low, high = 0.0, 1.0
    if kind == "category":
        high = max(len(categories) - 1.0, 0.0)
    elif kind != "boolean" and bounds is not None:
        low, high = float(bounds[0]), float(bounds[1])
    role = declared.role or data.role
    return Column(name, role, kind, low, high, bool(declared.immutable), declared.one_hot, categories)


def _kind(values: polars.Series, bounds: Range | None) -> Kind:
    import polars as pl

    dtype = values.dtype
    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_integer():
        whole = bounds is None and values.min() == 0 and values.max() == 1
        return "boolean" if whole else "integer"
    return "number" if dtype.is_numeric() else "category"


def _categories(values: polars.Series, table: Table, declared: ColumnTable) -> tuple[str, ...]:
    import polars as pl

    texts = values.cast(pl.String) if values.dtype in (pl.Categorical, pl.Enum) else values
    if declared.kind is None:
        _check_strays(texts.cast(pl.String), table)
    found = texts.drop_nulls().unique().sort().cast(pl.String).to_list()
    if declared.kind is None and len(found) > _MOST_VALUES:
        raise OutOfRange(
            f"column {values.name!r} holds {len(found)} different words in {len(values)} rows; is it an identifier?",
            where=f"{table.source}, column {values.name!r}",
            why="a model input that tells rows apart invites memorising them, and is seldom meant",
            fix=f'write role = "identifier" (or "ignored"), or kind = "category", under [data.columns.{values.name}]',
        )
    return tuple(found)


def _check_strays(texts: polars.Series, table: Table) -> None:
    """Refuse to take numbers for words because a few rows hold a word, such as ``?`` or a second header."""
    import polars as pl

    numbers = texts.str.strip_chars().cast(pl.Float64, strict=False)
    stray = (numbers.is_null() & texts.is_not_null()).arg_true()
    if numbers.n_unique() > _FEW_NUMBERS and 0 < len(stray) <= _STRAY_SHARE * len(texts):
        row = int(stray[0])
        others = f", and {len(stray) - 1} more like it" if len(stray) > 1 else ""
        raise OutOfRange(
            f"column {texts.name!r} holds numbers, but {texts[row]!r} in row {row + 1}{others}",
            where=table.at(row, texts.name),
            why="taken for words its numbers would have no order and no distance",
            fix=f'correct or drop such rows, or write kind = "category" under [data.columns.{texts.name}]',
        )


def _check(key: str, column: ColumnTable, lines: Lines) -> None:
    path = ("data", "columns", key)
    if column.range is not None and (column.kind in ("category", "boolean") or column.categories):
        raise mistake(
            f"{key!r} has a range, but only a number or an integer can have one",
            lines,
            (*path, "range"),
            fix='remove range, or write kind = "integer"',
        )
    if column.categories and column.kind not in (None, "category"):
        raise mistake(f"{key!r} has categories, but its kind is {column.kind!r}", lines, (*path, "categories"))
    if len(set(column.categories)) < len(column.categories):
        raise mistake(f"{key!r} names a category twice", lines, (*path, "categories"), fix="name each category once")
    _check_range(column.range, lines, (*path, "range"))


def _check_range(bounds: Range | None, lines: Lines, path: tuple[str, ...]) -> None:
    if bounds is not None and bounds[0] > bounds[1]:
        raise mistake(
            f"the range starts at {bounds[0]:g} and ends below, at {bounds[1]:g}",
            lines,
            path,
            fix=f"write range = [{bounds[1]:g}, {bounds[0]:g}]",
        )


def _listed(names: Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
