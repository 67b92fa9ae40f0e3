"""casemate diff: what got better and what got worse between two assessments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from casemate.cli import stored
from casemate.cli.screen import out
from casemate.report.words import arm, gained, measured, percent, printable

if TYPE_CHECKING:
    from casemate.assess.diff import Change, Difference, Direction, PriceChange

TITLES: dict[Direction, str] = {
    "worse": "Worse",
    "lost": "No longer assessed",
    "better": "Better",
    "new": "Newly assessed",
    "same": "As before",
}
STYLES: dict[Direction, str] = {"worse": "red", "lost": "yellow", "better": "green", "new": "cyan", "same": ""}


def command(before: Path, after: Path, /, *, full: Annotated[bool, Parameter(name="--all")] = False) -> int:
    """Compare two assessments: what got better, what got worse.

    Exits with 1 where the system as declared got worse: a worse verdict, an effect that surely grew, an attack that
    is no longer assessed, accuracy surely lost, or a price limit newly breached. Otherwise with 0.

    Args:
        before: The earlier assessment, or the system file or folder it belongs to.
        after: The later one.
        full: Show what stayed as it was, too.
    """
    from casemate.assess.diff import diff

    found = diff(stored.load(before), stored.load(after))
    _show(found, full)
    return 1 if found.got_worse else 0


def _show(found: Difference, everything: bool) -> None:
    console = out()
    console.print("Something got worse." if found.got_worse else "Nothing got worse.", style="bold")
    for note in found.notes:
        console.print(f"  note: {printable(note)}", soft_wrap=True)
    for direction, title in TITLES.items():
        changes = [c for c in found.changes if c.direction == direction]
        if not changes or (direction == "same" and not everything):
            continue
        console.print(f"\n{title}", style=f"bold {STYLES[direction]}".strip())
        for line in (line for change in changes for line in _lines(change)):
            console.print(printable(line), soft_wrap=True)
    if found.price is not None:
        console.print("\nPrice of all controls", style="bold")
        console.print(_price(found.price), soft_wrap=True)


def _lines(change: Change) -> list[str]:
    """What became of one attack on one arm, and under it the numbers: before, after, and what the change took off."""
    said = f"  {change.attack}, {arm(change.arm)}: {change.reason}"
    if change.before is None or change.after is None or not (change.before.effect or change.after.effect):
        return [said]
    was, now = measured(change.before.effect), measured(change.after.effect)
    took = f"; took off {gained(change.delta)} points" if change.delta else ""
    return [said, f"      {was} -> {now}{took}"]


def _price(price: PriceChange) -> str:
    was, now = map(percent, price.accuracy)
    lost = f"; lost {gained(price.loss)} points" if price.loss else ""
    return f"  {printable(price.reason)}: accuracy {was} -> {now}{lost}"
