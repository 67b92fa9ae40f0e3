"""Tables of text: columns aligned for a person, tabs for a program."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def show_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table to stdout: aligned under its head on a terminal, tab-separated without a head in a pipe."""
    if not sys.stdout.isatty():
        for row in rows:
            sys.stdout.write("\t".join(row) + "\n")
        return
    from rich.table import Table
    from rich.text import Text

    from casemate.cli.screen import out

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for position, title in enumerate(head):
        table.add_column(title, no_wrap=position == 0, style="cyan" if position == 0 else "")
    for row in rows:
        table.add_row(*(Text(value) for value in row))
    out().print(table)
