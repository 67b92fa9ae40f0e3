"""casemate encrypt aggregate plan: all that the security of a round rests on, in one public document."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.types import PositiveInt

from casemate.cli.encrypt.aggregate.rounds import PLAN, Round
from casemate.cli.page import Page
from casemate.core.errors import CasemateError, DataMissing

if TYPE_CHECKING:
    from casemate.controls.encrypted_aggregation.plan import AggregationPlan

People = Annotated[list[str], Parameter(metavar="NAME=KEY|FILE")]


def command(
    folder: Path,
    /,
    *,
    ask: Annotated[list[str], Parameter(metavar="QUESTION")],
    contributor: People,
    holder: People,
    min_clients: PositiveInt,
    clients: PositiveInt | None = None,
    rows: PositiveInt = 1,
    step: str = "1",
    epsilon: float | None = None,
    delta: float = 0.0,
    name: str = "",
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Write down what is asked of whom, and who holds the key.

    Questions are count, sum:COLUMN:LOW:HIGH, mean:COLUMN:LOW:HIGH and histogram:COLUMN:LOW:HIGH:BINS. Whoever takes
    part reads the plan first: its digest is in every message. All holders are needed to decrypt, and one honest holder
    is enough for secrecy. A plan serves for one total.

    Args:
        folder: The round: a folder for what is public, made where there is none.
        ask: A question; may be repeated.
        contributor: A client that may contribute, as casemate encrypt aggregate identity told, or a file of such lines;
            may be repeated.
        holder: Somebody who holds a part of the key, in the same way; may be repeated.
        min_clients: Fewest clients whose total may be decrypted, 2 at least.
        clients: Most clients whose contributions are added. Default: all.
        rows: Most rows that one client adds up before it encrypts.
        step: What values of sums and means are rounded to, such as 0.01.
        epsilon: Hide every client in the figures, at this privacy loss. Default: exact figures.
        delta: Probability with which that bound may fail; above 0, vectors get far less noise.
        name: What the aggregation is called. Default: the folder's name.
        quiet: Print nothing.
    """
    from casemate.controls.aggregation.question import parse_question
    from casemate.controls.encrypted_aggregation.plan import plan_aggregation
    from casemate.controls.encrypted_aggregation.private_noise import PrivateNoise
    from casemate.controls.encrypted_aggregation.questions import encrypted_question

    coarse = _step(step)
    made = plan_aggregation(
        name or folder.absolute().name,
        [encrypted_question(parse_question(text), coarse) for text in ask],
        contributors=people(contributor, "--contributor"),
        holders=people(holder, "--holder"),
        min_clients=min_clients,
        clients=clients,
        rows=rows,
        noise=None if epsilon is None else PrivateNoise(epsilon, delta),
    )
    Round(folder).write(PLAN, made.data)
    if not quiet:
        _show(made)
    return 0


def _show(made: AggregationPlan) -> None:
    """Print what was planned."""
    from casemate.report.words import count

    page = Page(f"{made.name}: {', '.join(map(str, made.questions))}", f"digest {made.digest.hex()}")
    noise, who = made.noise, len(made.contributors)
    size = made.ciphertexts * 2 * made.degree * len(made.chain.levels) * made.residue_bytes
    page.facts(
        "Who",
        {
            "clients": f"{made.min_clients} to {made.clients} of {who}, each of {count(made.rows, 'row')} at most",
            "holders": f"{', '.join(made.holders)}: all are needed",
            "noise": f"epsilon {noise.epsilon:g}, delta {noise.delta:g}" if noise else "none: figures are exact",
        },
    )
    page.facts(
        "Parameters",
        {
            "scheme": f"BFV, degree {made.degree:,}, {made.chain.bits} bits, plain {made.plain.bit_length()} bits",
            "contribution": f"{size:,} bytes",
            "wrong total": f"with a probability of 2^-{made.failure_bits:.0f} at most",
        },
    )
    page.show()


def people(words: Sequence[str], option: str) -> dict[str, str]:
    """Return the public key of everybody whom ``NAME=KEY`` or files of such lines name.

    Raises:
        CasemateError: other words, or somebody named twice.
    """
    found: dict[str, str] = {}
    for word in words:
        for line in [word] if "=" in word else _lines(Path(word), option):
            name, equals, key = line.partition("=")
            if not (name and equals and key) or name in found:
                raise CasemateError(
                    f"{line!r} is not NAME=KEY, each name once",
                    where=option,
                    fix="give what casemate encrypt aggregate identity NAME prints, or a file of such lines",
                )
            found[name] = key
    return found


def _lines(path: Path, option: str) -> list[str]:
    if not path.is_file():
        raise DataMissing(f"there is no file {path}", where=option, fix="give NAME=KEY, or a file of such lines")
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _step(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise CasemateError(f"{text!r} is no step", where="--step", fix="give a number such as 0.01") from None
