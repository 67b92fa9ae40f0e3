"""Work: what an engine has to do to a table, in which order, whatever engine it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.deidentification.source import Source
from casemate.core.control import Control, ReleaseFitting
from casemate.core.errors import CasemateError, ControlFailed
from casemate.core.release import Meanings, Release
from casemate.core.schema import Role
from casemate.core.seeds import derive, generator

if TYPE_CHECKING:
    import polars

Watch = Callable[[str, int, int], None]
"""Told the step in words, how many rows are done, and how many there are."""

Write = Callable[["polars.DataFrame", "polars.Series | None"], None]
"""Given published rows, batch by batch in their order, and whom each is about, as the raw table says."""


@dataclass(frozen=True, eq=False)
class RowStep:
    """A control that changes each row by itself, so that a batch of rows may be changed without the others.

    Args:
        control: what does it.
        columns: the columns that it changes.
        needs: further columns that it must see.
    """

    control: Control
    columns: tuple[str, ...]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Work:
    """What is to be done to a table.

    Args:
        read: the columns that are read, in the table's order.
        roles: what each of them is to a person.
        rows: what is done to every row by itself, in order.
        blur: what is done to all rows together, after that; None where there is nothing to blur.
        publish: the columns that are published, in order.
        seed: of every random choice.
        order_seed: of the order of the published rows; 64 bits.
        subject: the column that says whom a row is about, handed over beside the published rows; None for none.
        sample: rows that are kept in memory, raw and as published, so that the outcome can be attacked.
    """

    read: tuple[str, ...]
    roles: Mapping[str, Role]
    publish: tuple[str, ...]
    rows: tuple[RowStep, ...] = ()
    blur: Control | None = None
    seed: int = 0
    order_seed: int = 0
    subject: str | None = None
    sample: int = 100_000

    def quasi_identifiers(self) -> tuple[str, ...]:
        """Return the columns that are blurred."""
        return self.of("quasi-identifier") if self.blur is not None else ()

    def of(self, role: Role) -> tuple[str, ...]:
        """Return the published columns of a role, in the order in which they are read."""
        return tuple(name for name in self.read if self.roles.get(name) == role and name in self.publish)


@dataclass(frozen=True, eq=False)
class Done:
    """What came of it, apart from the published rows, which went to wherever the engine was told.

    Args:
        rows: published rows.
        suppressed: rows that were left out.
        meanings: what the labels of blurred columns may stand for.
        pseudonyms: columns that hold stand-ins, and of which kind.
        raw, release: some of the rows as they were and as they are published: all of them, or whole groups of rows that
            look alike, drawn at random.
    """

    rows: int
    suppressed: int
    raw: Release
    release: Release
    meanings: Mapping[str, Meanings] = field(default_factory=dict)
    pseudonyms: Mapping[str, str] = field(default_factory=dict)


def change(release: Release, steps: Iterable[RowStep], seed: int) -> Release:
    """Return rows as the controls leave them: all rows of a table, or a batch."""
    raw = release
    for step in steps:
        release = run(step.control, release, raw, seed)
    return release


def run(control: Control, release: Release, raw: Release, seed: int) -> Release:
    """Return what a control makes of a release. Its seed is the one that an assessment gives it.

    Raises:
        ControlFailed: it raised anything but a `CasemateError`.
    """
    mine = derive(seed, "control", control.id)
    try:
        return control.on_release(release, ReleaseFitting(raw, generator(mine), mine))
    except CasemateError:
        raise
    except Exception as error:
        raise ControlFailed(
            f"the control {control.id} failed: {error}",
            where=control.module,
            why="nothing was published: what a control was meant to cover would be open",
            fix="check what the policy says of the columns, and the data",
        ) from error


def release_of(frame: polars.DataFrame, roles: Mapping[str, Role]) -> Release:
    """Return rows of a raw table as a release of themselves."""
    told = {name: role for name, role in roles.items() if name in frame.columns}
    return Release(frame, told, np.arange(frame.height, dtype=np.int64))


def changed_batches(source: Source, work: Work, columns: Iterable[str]) -> Iterator[polars.DataFrame]:
    """Yield the rows of a table with these columns, as the row steps leave them; other columns may be among them."""
    wanted = set(columns)
    steps = tuple(step for step in work.rows if wanted & set(step.columns))
    needed = wanted.union(*(step.needs for step in steps), *(step.columns for step in steps))
    for batch in source.batches([name for name in work.read if name in needed]):
        yield change(release_of(batch, work.roles), steps, work.seed).table
