"""The profile of a table for the terminal: the worst first, then what else was found, risk, sets of columns, roles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from casemate.controls.profiling.findings import figures, findings, listed, share, telling
from casemate.controls.profiling.profile import Profile
from casemate.report import words

if TYPE_CHECKING:
    from rich.console import Console

MOST_COLUMNS = 60
"""Columns in the table of roles."""

MOST_SETS = 8
"""Sets of columns that are listed."""

_STYLES = {"bad": "bold red", "open": "yellow", "good": "cyan"}
_ROLES = {"identifier": "bold red", "quasi-identifier": "yellow", "sensitive": "cyan", "ignored": "dim"}
_ORDER = ("identifier", "quasi-identifier", "sensitive", "target", "feature", "ignored")
_SIGNS = {"bad": "x", "open": "?", "good": "+"}


def show(profile: Profile, console: Console) -> None:
    """Print the profile on a console. It holds names of columns, figures and masked shapes, and no value."""
    found = findings(profile)
    worst, *rest = found
    _line(console, words.sentence(worst.text), _STYLES[worst.weight])
    if worst.fix:
        _line(console, f"  {words.sentence(worst.fix)}", "")
    for one in rest:
        _line(console, f"{_SIGNS[one.weight]} {one.text}", _STYLES[one.weight].removeprefix("bold "))
    _roles(console, profile)
    _risk(console, profile)
    _sets(console, profile)


def _roles(console: Console, profile: Profile) -> None:
    _line(console, "")
    _line(console, f"Columns of {profile.source}, {words.count(profile.rows, 'row')}", "bold")
    ordered = sorted(profile.columns, key=lambda column: _ORDER.index(column.role))
    rows = []
    for column in ordered[:MOST_COLUMNS]:
        sure = f"{column.guess.confidence:.0%}"
        why = f"{column.guess.of.title}: {column.guess.reasons[0]}" if column.guess.reasons else column.guess.of.title
        rows.append(
            (column.name if column.name.strip() else "(no name)", column.role, sure, f"{column.different:,}", why)
        )
    _table(console, ("column", "role", "sure", "different", "what it is, and why"), rows, numbers=(2, 3))
    left = len(ordered) - MOST_COLUMNS
    if left > 0:
        _line(console, f"... and {words.count(left, 'more column', 'more columns')}: see --output json=PATH", "dim")


def _risk(console: Console, profile: Profile) -> None:
    if profile.risk is None:
        return
    names = [column.name for column in profile.of("quasi-identifier")]
    _line(console, "")
    _line(console, f"Risk of being found by {listed(names)}", "bold")
    _table(console, ("what", "how much", "what it means"), figures(profile.risk), numbers=(1,))


def _sets(console: Console, profile: Profile) -> None:
    if profile.sets:
        _line(console, "")
        _line(console, f"Columns that tell people apart, of {words.count(profile.searched, 'set')} ranked", "bold")
        rows = [
            (", ".join(one.columns), share(one.risk.unique), share(one.risk.mean), f"{one.risk.smallest:,}")
            for one in telling(profile.sets)[:MOST_SETS]
        ]
        _table(console, ("columns", "alone", "mean risk", "smallest class"), rows, numbers=(1, 2, 3))
    if profile.near_keys:
        _line(console, "")
        _line(console, "Near-keys: nearly every pair of rows differs in them", "bold")
        for one in profile.near_keys:
            known = "" if one.known else "  (not all of them quasi-identifiers)"
            _line(console, f"  {', '.join(one.columns)}: {share(one.risk.unique)} alone{known}")


def _table(console: Console, head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, title in enumerate(head):
        justify = "right" if place in numbers else "left"
        table.add_column(title, justify=justify, overflow="fold", no_wrap=place in numbers, ratio=None)  # type: ignore[arg-type]
    for row in rows:
        cells = [Text(words.printable(cell), style=_ROLES.get(cell, "")) for cell in row]
        table.add_row(*cells)
    console.print(table)


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(words.printable(text), style=style or None, soft_wrap=not style, highlight=False, markup=False)
