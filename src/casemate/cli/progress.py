"""Progress: a bar on stderr while a person watches, and nothing at all in a pipe or a pipeline."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from casemate.cli.screen import err, watched

if TYPE_CHECKING:
    from rich.progress import TaskID

    from casemate.assess import Progress

Watch = Callable[["Progress"], None]


@contextmanager
def bar(*, quiet: bool = False) -> Iterator[Watch | None]:
    """Yield what to call after every job; None where nobody watches."""
    if quiet or not watched(sys.stderr):
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=err(), transient=True) as shown:
        task = shown.add_task("starting", total=None)
        cached = 0

        def watch(step: Progress) -> None:
            nonlocal cached
            cached += step.cached
            kept = f"  ({cached} from the cache)" if cached else ""
            shown.update(task, completed=step.done, total=step.total, description=f"done: {step.label}{kept}")

        yield watch


Rows = Callable[[str, int, int], None]
"""What to call as rows are worked on: the step in words, rows done, and rows there are (0 where nobody knows)."""


@contextmanager
def rows_bar(*, quiet: bool = False) -> Iterator[Rows | None]:
    """Yield what to call as rows are worked on: shows how many, how fast, and the time left; None where nobody watches.

    Every step of the work has a line of its own, so that its rate is not mixed with another's.
    """
    if quiet or not watched(sys.stderr):
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[rows]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=False),
    )
    with Progress(*columns, console=err(), transient=True, speed_estimate_period=60) as shown:
        steps: dict[str, TaskID] = {}

        def watch(step: str, done: int, total: int) -> None:
            if step not in steps:
                steps[step] = shown.add_task(step, total=total or None, rows="")
            task = steps[step]
            shown.update(task, completed=done, total=total or None)
            shown.update(task, rows=rows_and_rate(done, total, next(t.speed for t in shown.tasks if t.id == task)))

        yield watch


def rows_and_rate(done: int, total: int, rate: float | None) -> str:
    """Write how far a step is: ``1.2M of 10M rows, 850k/s``; the rate in rows a second where it is known."""
    of = f" of {short(total)}" if total else ""
    speed = f", {short(rate)}/s" if rate else ""
    return f"{short(done)}{of} rows{speed}"


def short(count: float) -> str:
    """Write a count in at most four characters: 999, 12k, 1.2M, 3.4G."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size * 0.9995:
            value = count / size
            return f"{value:.1f}".removesuffix(".0") + letter if value < 9.95 else f"{value:.0f}{letter}"
    return f"{count:.0f}"
