"""Sealing and unsealing on the command line: what both check first, and the bar that shows how far they are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from casemate.cli.screen import err, watched
from casemate.core.errors import CasemateError, DataMissing


def check_target(source: Path, target: Path, force: bool) -> None:
    """Say at once what could not be read or written.

    Raises:
        DataMissing: there is no such source, or it is a folder.
        CasemateError: the target is the source, a folder, in none, or there already and not to be overwritten.
    """
    if not source.is_file():
        raise DataMissing(f"there is no file {source}", fix="check the name" if not source.is_dir() else "name a file")
    if target.is_dir() or not target.parent.is_dir():
        what = f"{target} is a folder" if target.is_dir() else f"the folder {target.parent} does not exist"
        raise CasemateError(what, where="--output", fix="name a file in a folder that exists")
    if target.exists() and target.samefile(source):
        raise CasemateError("the output is the file itself", where="--output", fix="name another file")
    if target.exists() and not force:
        raise CasemateError(
            f"{target} exists",
            why="what is in it would be lost",
            fix="name another file with --output, or add --force to overwrite it",
        )


@contextmanager
def bytes_bar(source: Path, doing: str, *, quiet: bool = False) -> Iterator[Callable[[int], None] | None]:
    """Yield what to call with the bytes of each piece that is done; None where nobody watches."""
    if quiet or not watched(sys.stderr):
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=err(), transient=True) as shown:
        task = shown.add_task(doing, total=source.stat().st_size)
        yield lambda done: shown.advance(task, done)
