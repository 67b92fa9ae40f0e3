"""casemate aggregate: figures about groups for one purpose: with noise and a budget, or exact and thresholded."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from casemate.cli import stored
from casemate.cli.screen import err
from casemate.cli.tracing import actor, trace
from casemate.core.errors import CasemateError, UnknownName, did_you_mean

if TYPE_CHECKING:
    import polars

    from casemate.controls.aggregation.private import Answer
    from casemate.controls.aggregation.question import Question
    from casemate.controls.privacy.declaration import PurposeTable
    from casemate.controls.privacy.policy import Policy


def command(
    table: Path,
    /,
    *,
    purpose: str,
    ask: Annotated[list[str], Parameter(metavar="QUESTION")],
    by: Annotated[list[str] | None, Parameter(metavar="COLUMN")] = None,
    values: Annotated[list[str] | None, Parameter(metavar="COLUMN=A,B")] = None,
    epsilon: float | None = None,
    policy: Path = Path("privacy.toml"),
    ledger: Path | None = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    lineage: Annotated[str | None, Parameter(metavar="URL")] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Publish figures about groups within a privacy budget.

    Questions are count, sum:COLUMN:LOW:HIGH, mean:COLUMN:LOW:HIGH, quantile:COLUMN:LOW:HIGH:AT and
    histogram:COLUMN:LOW:HIGH:BINS. A purpose with a budget in the policy is answered with noise that hides every single
    person, and what that costs is written to the ledger before anything is told. One without is answered exactly, and
    never about groups of fewer people than its min-group: for use within the house.

    Args:
        table: The table.
        purpose: A purpose of the policy.
        ask: A question; may be repeated.
        by: A column that makes groups; may be repeated.
        values: All values of a column that makes groups, known without looking at the data. Without, groups are found
            in the data, which takes a delta and hides small ones.
        epsilon: What the answer may cost. Default: a tenth of the purpose's budget.
        policy: The privacy policy.
        ledger: The ledger of spent budgets. Default: .casemate/DATASET.ledger beside the policy.
        output: Write the figures to this CSV or Parquet file, and not to stdout.
        lineage: The lineage store.
        quiet: Print no remarks.
    """
    from casemate.controls.aggregation.question import parse_question
    from casemate.controls.privacy.policy import read_policy

    started = datetime.datetime.now(datetime.UTC)
    rules = read_policy(policy)
    asked = _Asked(purpose, tuple(map(parse_question, ask)), tuple(by or ()), _values(values or []), epsilon)
    allowed = _purpose(rules, purpose)
    frame = _read(table)
    rules.check(frame.schema, str(table))
    _check_columns(rules, allowed, asked)
    if allowed.dp is None:
        made, remarks, facts = _plainly(rules, allowed, asked, frame)
    else:
        books = ledger or rules.path.parent / stored.FOLDER / f"{rules.declared.dataset}.ledger"
        made, remarks, facts = _privately(rules, allowed, asked, frame, books, started)
    _write(made, output)
    _trace(rules, asked, table, frame, made, output, started, facts, lineage)
    if not quiet:
        for remark in [*remarks, *([f"wrote {output}"] if output else [])]:
            err().print(remark, soft_wrap=True)
    return 0


@dataclass(frozen=True)
class _Asked:
    purpose: str
    questions: tuple[Question, ...]
    by: tuple[str, ...]
    values: Mapping[str, Sequence[str]]
    epsilon: float | None

    @property
    def text(self) -> str:
        by = f" by {', '.join(self.by)}" if self.by else ""
        return f"{', '.join(map(str, self.questions))}{by}"


Told = tuple["polars.DataFrame", list[str], dict[str, str]]


def _plainly(rules: Policy, allowed: PurposeTable, asked: _Asked, frame: polars.DataFrame) -> Told:
    from casemate.controls.aggregation.plain import plain_answer

    subject, least = rules.declared.subject_key, allowed.min_group
    made, hidden = plain_answer(frame, asked.questions, by=asked.by, subject=subject, least=least)
    remark = (
        f"exact figures, for use within the house; {hidden} groups left out: fewer than {least} people, or needed to"
    )
    return made, [f"{remark} hide one that is"], {"min-group": str(least), "groups-left-out": str(hidden)}


def _privately(
    rules: Policy,
    allowed: PurposeTable,
    asked: _Asked,
    frame: polars.DataFrame,
    books: Path,
    now: datetime.datetime,
) -> Told:
    from casemate.controls.aggregation.ledger import Budget, Ledger
    from casemate.controls.aggregation.private import Loss, answer

    dp = allowed.dp
    assert dp is not None
    budget = Budget(rules.declared.dataset, asked.purpose, dp.epsilon, dp.delta, dp.per)
    epsilon = asked.epsilon if asked.epsilon is not None else dp.epsilon / 10
    if epsilon <= 0:
        raise CasemateError(f"{epsilon:g} is no epsilon", where="--epsilon", fix="give a number above 0, such as 0.1")
    public = not asked.by or bool(asked.values)
    loss = Loss(epsilon, 0.0 if public else dp.delta / 10, dp.contributions)
    book = Ledger(books)
    paid = []

    def pay() -> None:
        who = {"question": asked.text, "actor": actor(), "at": now}
        paid.append(book.spend(budget, loss.epsilon, loss.delta, **who))  # type: ignore[arg-type]

    subject = rules.declared.subject_key
    told = answer(frame, asked.questions, by=asked.by, values=asked.values, subject=subject, loss=loss, pay=pay)
    left = dp.epsilon - book.spent(budget, now)[0]
    facts = {"epsilon": f"{loss.epsilon:g}", "delta": f"{loss.delta:g}", "ledger-head": paid[0].hash}
    facts["hides"] = "row" if subject is None else "person"
    return told.table, _remarks(told, subject, left), facts


def _remarks(told: Answer, subject: str | None, left: float) -> list[str]:
    spent = told.spent
    delta = f" and delta {spent.delta:g}" if spent.delta else ""
    lines = [f"spent epsilon {spent.epsilon:g}{delta}; {max(left, 0):.6g} of epsilon are left"]
    if subject is None:
        lines.append("the policy names no subject-key: every row was taken for a person of its own")
    lines += [f"{name}: noise within {error:.4g} with 95% probability" for name, error in told.errors.items()]
    return lines


def _read(path: Path) -> polars.DataFrame:
    from casemate.systems.data.read import Source

    table, _ = Source(str(path), Path()).read()
    import polars as pl

    if not isinstance(table.values, pl.DataFrame):
        raise CasemateError(f"{path} holds bare arrays", where=str(path), fix="give a table with named columns")
    return table.values


def _purpose(rules: Policy, name: str) -> PurposeTable:
    purposes = rules.declared.purposes
    if name not in purposes:
        raise UnknownName(
            f"the policy has no purpose {name!r}.{did_you_mean(name, purposes)}",
            where=str(rules.path),
            fix=f"use one of: {', '.join(purposes)}" if purposes else f"add [purposes.{name}]",
        )
    return purposes[name]


def _check_columns(rules: Policy, allowed: PurposeTable, asked: _Asked) -> None:
    """Refuse columns that the purpose may not see, and groups by whatever identifies people."""
    for name in (*asked.by, *(question.column for question in asked.questions if question.column)):
        if name not in rules.columns:
            raise UnknownName(
                f"the policy declares no column {name!r}.{did_you_mean(name, rules.columns)}", where=str(rules.path)
            )
        if rules.columns[name].role == "identifier":
            raise CasemateError(
                f"{name!r} identifies people, and no figure is told by it",
                where=rules.where("columns", name, "role"),
                fix="ask about another column",
            )
        if not isinstance(allowed.columns, str) and name not in allowed.columns:
            raise CasemateError(
                f"the purpose {asked.purpose!r} may not see {name!r}",
                where=rules.where("purposes", asked.purpose, "columns"),
                fix="ask about its columns, or add this one to the policy",
            )


def _values(given: Sequence[str]) -> dict[str, Sequence[str]]:
    found: dict[str, Sequence[str]] = {}
    for text in given:
        name, equals, values = text.partition("=")
        if not (name and equals and values):
            raise CasemateError(f"{text!r} is not COLUMN=A,B,...", where="--values", fix="for example --values sex=f,m")
        found[name] = tuple(dict.fromkeys(values.split(",")))
    return found


def _write(made: polars.DataFrame, output: Path | None) -> None:
    """Write the figures, whole or not at all."""
    import io

    from casemate.core.files import write_whole

    if output is None:
        sys.stdout.write(made.write_csv())
        return
    held = io.BytesIO()
    if output.suffix == ".parquet":
        made.write_parquet(held)
    else:
        made.write_csv(held)
    write_whole(output, held.getvalue())


def _trace(
    rules: Policy,
    asked: _Asked,
    source: Path,
    frame: polars.DataFrame,
    made: polars.DataFrame,
    output: Path | None,
    started: datetime.datetime,
    facts: dict[str, str],
    lineage: str | None,
) -> None:
    from casemate.controls.aggregation.edges import edges_of
    from casemate.core.digests import digest, file_digest
    from casemate.core.provenance import DatasetVersion, Run

    name, roles = rules.declared.dataset, {column: rules.columns[column].role for column in rules.columns}
    before = DatasetVersion(name, file_digest(source), str(source), frame.height, tuple(frame.columns), roles)
    content = file_digest(output) if output else digest(made.write_csv())
    where = str(output) if output else "stdout"
    after = DatasetVersion(f"{name}/{asked.purpose}", content, where, made.height, tuple(made.columns))
    finished = datetime.datetime.now(datetime.UTC)
    run = Run(
        "casemate aggregate",
        actor(),
        started,
        finished,
        (before,),
        (after,),
        edges_of(asked.questions, asked.by, frame.columns, f"figures about groups for {asked.purpose}"),
        asked.purpose,
        rules.digest,
        facts={"questions": asked.text, **facts},
    )
    trace(run, lineage)
