"""The controls that a system file declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from casemate.core.control import Control, configure
from casemate.core.errors import SystemFileError, UnknownName
from casemate.systems.lines import Lines
from casemate.systems.strict import mistake


def controls_of(
    tables: Sequence[Mapping[str, Any]], find_control: Callable[[str], type[Control]], lines: Lines, folder: Path
) -> tuple[Control, ...]:
    """Return the controls of the [[controls]] tables, in order.

    Args:
        tables: one for each control.
        find_control: returns a control by its id, and raises UnknownName.
        lines: where each key stands.
        folder: where paths in options start from.

    Raises:
        SystemFileError: ``use`` is missing or names no control, a control is used twice, or an option is wrong.
        DataError: a file that an option names is absent or not what it should be.
    """
    made = tuple(_control(table, at, find_control, lines).beside(folder) for at, table in enumerate(tables))
    ids = [control.id for control in made]
    for position, id in enumerate(ids):
        if id in ids[:position]:
            raise mistake(
                f"the control {id!r} is used twice",
                lines,
                ("controls", position, "use"),
                why="an assessment tells controls apart by their ids",
                fix=f"keep one; the first is in line {lines.line('controls', ids.index(id))}",
            )
    return made


def _control(
    table: Mapping[str, Any], position: int, find_control: Callable[[str], type[Control]], lines: Lines
) -> Control:
    path = ("controls", position)
    use = table.get("use")
    if not isinstance(use, str):
        raise mistake(
            "a control needs 'use', the id of a control",
            lines,
            (*path, "use"),
            fix='write use = "<family>.<technique>"; casemate list controls shows all',
        )
    options = {key: value for key, value in table.items() if key != "use"}
    try:
        return configure(find_control(use), options)
    except UnknownName as error:
        raise mistake(error.what, lines, (*path, "use"), fix=error.fix) from None
    except SystemFileError as error:  # `configure` says in `where` which option it means
        key = (error.where,) if error.where else ()
        raise mistake(error.what, lines, (*path, *key), why=error.why, fix=error.fix) from None
    except (TypeError, ValueError) as error:  # a control's own check of its options
        raise mistake(f"{use}: {error}", lines, path, fix=f"casemate explain {use}") from error
