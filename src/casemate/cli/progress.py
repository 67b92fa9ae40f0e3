"""Progress: a bar on stderr while a person watches, and nothing at all in a pipe or a pipeline."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from casemate.cli.screen import err, watched

if TYPE_CHECKING:
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
