"""casemate encrypt aggregate open: the holders decrypt one total together, and nothing else."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from casemate.cli.encrypt.aggregate.rounds import CONTRIBUTIONS, PARTS, Round, holder_path, identity_of
from casemate.cli.screen import err
from casemate.core.errors import CasemateError, KeyMissing

if TYPE_CHECKING:
    import polars

    from casemate.controls.encrypted_aggregation.combining import Result
    from casemate.controls.encrypted_aggregation.totals import Total


def command(
    folder: Path,
    /,
    *,
    identity: Path | None = None,
    trust_sum: bool = False,
    ledger: Path | None = None,
    budget: float | None = None,
    budget_delta: float | None = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Help to decrypt the sum, and show the figures when all have helped.

    A holder first adds up the contributions again, so that nobody can pass off one client's as the sum. Then its part
    of the key has served, and is destroyed. Where the plan has noise, each holder adds its own, and pays from its
    ledger.

    Args:
        folder: The round.
        identity: Who the holder is. Without, only shows the figures.
        trust_sum: Do not add up again; the server could then have one client's numbers decrypted.
        ledger: With noise: the holder's ledger of spent budgets.
        budget: With noise: the epsilon that aggregations of the plan's name may cost altogether.
        budget_delta: With noise: the delta that they may cost altogether. Default: that of this plan.
        output: Write the figures to this CSV file, and not to stdout.
        quiet: Print no remarks.
    """
    from casemate.controls.encrypted_aggregation.combining import combine

    held = Round(folder)
    plan, total = held.plan, held.total
    if identity is not None:
        _help(held, total, identity, _pay(held, ledger, budget, budget_delta), trust_sum=trust_sum)
    there = held.senders(PARTS, plan.holders)
    missing = [name for name in plan.holders if name not in there]
    if missing:
        if not quiet:
            err().print(f"the figures wait for: {', '.join(missing)}", soft_wrap=True)
        return 0
    _write(_table(combine(total, held.messages(PARTS, there))), output)
    if not quiet:
        err().print(f"the sum of {len(total.receipts):,} contributions, none of which was decrypted", soft_wrap=True)
    return 0


def _help(held: Round, total: Total, identity: Path, pay: Callable[[], object] | None, *, trust_sum: bool) -> None:
    """Leave a holder's part of the decryption."""
    from casemate.controls.encrypted_aggregation.private_files import HolderFile

    who, path = identity_of(identity), holder_path(identity, held.plan)
    if not path.exists():
        raise KeyMissing(f"{who.name} holds no part of this round's key", where=str(path), fix="restore it from a copy")
    holder = HolderFile.read(path, held.plan, who)
    names = [receipt.name for receipt in total.receipts]
    contributions = None if trust_sum else held.messages(CONTRIBUTIONS, names)
    held.write(f"{PARTS}/{who.name}", holder.part(total, contributions=contributions, pay=pay))


def _pay(held: Round, ledger: Path | None, budget: float | None, delta: float | None) -> Callable[[], object] | None:
    """What charges a ledger for the noise of a plan; None where it has none."""
    from casemate.cli.tracing import actor
    from casemate.controls.aggregation.ledger import Budget, Ledger
    from casemate.controls.encrypted_aggregation.private_noise import charge

    noise, plan = held.plan.noise, held.plan
    if noise is None:
        return None
    if ledger is None or budget is None:
        raise CasemateError(
            "the plan has noise, and its release is charged to nothing",
            where="--ledger, --budget",
            why="without a ledger, the same clients can be asked until the noise averages out",
            fix="name the ledger, and the epsilon that this may cost altogether: --ledger FILE --budget 1",
        )
    allowed = Budget(plan.name, "encrypted aggregation", budget, noise.delta if delta is None else delta)
    question = ", ".join(map(str, plan.questions))

    def pay() -> object:
        now = datetime.datetime.now(datetime.UTC)
        return charge(Ledger(ledger), allowed, noise, question=question, actor=actor(), at=now)

    return pay


def _table(result: Result) -> polars.DataFrame:
    """The figures: one line for each number, with the error that its noise stays within."""
    import polars as pl

    lines = []
    for figure in result.figures:
        exact = [str(value) for value in figure.exact] or [repr(value) for value in figure.values.tolist()]
        for place, value in enumerate(exact):
            name = figure.name if len(exact) == 1 else f"{figure.name} {place + 1}"
            within = result.errors.get(figure.name)
            lines.append({"figure": name, "value": value, **({} if within is None else {"within": f"{within:.4g}"})})
    return pl.DataFrame(lines)


def _write(table: polars.DataFrame, output: Path | None) -> None:
    """Write the figures, whole or not at all."""
    from casemate.core.files import write_whole

    if output is None:
        sys.stdout.write(table.write_csv())
        return
    write_whole(output, table.write_csv().encode())
