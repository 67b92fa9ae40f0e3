"""casemate minimise: which columns a model needs, how much of their detail, and what giving it no more costs."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt

from casemate.cli import stored
from casemate.cli.screen import err, out
from casemate.cli.spinner import spinner
from casemate.cli.table import show_table
from casemate.cli.tracing import trace_reading, versions_of
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    from casemate.controls.minimisation.record import Minimal


def command(
    path: Path = stored.SYSTEM_FILE,
    /,
    *,
    max_loss: float = 0.005,
    seed: NonNegativeInt = 0,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    lineage: Annotated[str | None, Parameter(metavar="URL")] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Find which columns a model needs, and how much of their detail.

    Columns are left out, then told in bands, as long as a model trained on what is left answers about as well. The
    price is measured on the test rows, which served no choice.

    Args:
        path: The system file, or its folder. Its recipe trains the models.
        max_loss: Accuracy that may be lost on the rows that choices are made on, as a fraction.
        seed: Seed of the split and of every training.
        output: Write the record to this JSON file; casemate deidentify --minimal reads it.
        lineage: The lineage store.
        quiet: Print neither progress nor the result.
    """
    from casemate.assess.threads import single_threaded
    from casemate.attacks import attacks
    from casemate.controls import find
    from casemate.controls.minimisation.record import record_of
    from casemate.controls.minimisation.search import minimise
    from casemate.core.files import write_whole
    from casemate.systems.file import load

    if not 0 <= max_loss < 1:
        raise CasemateError(
            f"{max_loss:g} is no share of accuracy", where="--max-loss", fix="give a fraction such as 0.005"
        )
    started = datetime.datetime.now(datetime.UTC)
    declared = load(path, find_control=find, attacks=attacks())
    with spinner(quiet=quiet) as watch, single_threaded():
        found = minimise(declared.system, max_loss=max_loss, seed=seed, level=declared.policy.level, watch=watch)
    record = record_of(found, declared.system.name, declared.system.bare().digest)
    if output is not None:
        import msgspec

        write_whole(output, msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    kept = ", ".join(left.name for left in record.kept)
    for version in versions_of(declared.system.versions, declared.path.absolute().parent):
        facts = {"system": record.system, "kept": kept, "dropped": ", ".join(record.dropped)}
        trace_reading("casemate minimise", version, started, lineage, facts=facts)
    if not quiet:
        _show(record, output)
    return 0


def _show(record: Minimal, output: Path | None) -> None:
    """Print what is left, what it buys and what it costs."""
    total = len(record.kept) + len(record.dropped)
    console = out()
    console.print(f"{len(record.kept)} of {total} columns are enough for {record.system}.", style="bold")
    console.print(
        f"Unique rows  {record.unique_before:.1%} before, {record.unique_after:.1%} after: "
        "rows that nobody else's resembles, in what others may know",
        soft_wrap=True,
    )
    console.print(
        f"Accuracy     {record.accuracy_before:.1%} before, {record.accuracy_after:.1%} after; lost {record.loss:+.1%} "
        f"({record.loss_low:+.1%} to {record.loss_high:+.1%} at {record.level:.0%}, {record.held_out} held-out rows)\n",
        soft_wrap=True,
    )
    rows = [
        (left.name, f"{len(left.bands)} bands" if left.bands else "whole", ", ".join(left.bands))
        for left in record.kept
    ]
    show_table(("Column", "Told", "Bands"), [*rows, *((name, "dropped", "") for name in record.dropped)])
    if output is not None:
        err().print(f"wrote {output}", soft_wrap=True)
