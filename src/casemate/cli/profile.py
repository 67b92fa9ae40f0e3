"""casemate profile: what in a table identifies people, and a first privacy policy."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from casemate.cli.screen import err, out
from casemate.cli.tracing import trace_reading, version_of
from casemate.core.errors import CasemateError, did_you_mean

if TYPE_CHECKING:
    import polars

    from casemate.controls.profiling.profile import Profile

FORMATS = ("html", "json", "policy")


@dataclass(frozen=True)
class Output:
    """One file to write."""

    format: str
    path: Path


def command(
    table: str,
    /,
    *,
    output: Annotated[list[str] | None, Parameter(name=["--output", "-o"], metavar="FORMAT=PATH")] = None,
    target: Annotated[str | None, Parameter(metavar="COLUMN")] = None,
    subject: Annotated[str | None, Parameter(metavar="COLUMN")] = None,
    sample_fraction: Annotated[float | None, Parameter(metavar="F")] = None,
    seed: int = 0,
    force: bool = False,
    lineage: Annotated[str | None, Parameter(metavar="URL")] = None,
) -> int:
    """Find what identifies people in a table; write a privacy policy.

    Proposes a role for every column, with its reasons; finds the sets of columns that tell people apart; and says how
    likely people are to be found. No value of the table is printed: shapes are masked.

    Args:
        table: The table: a csv, tsv, parquet, npz or npy file, sklearn:NAME or openml:NAME.
        output: html=PATH, json=PATH or policy=PATH; may be repeated. policy=privacy.toml is the policy's usual place.
        target: The column that holds the label, if a model is trained on the table.
        subject: The column that says which person a row is about; guessed where it is left out.
        sample_fraction: The share of the population that the table holds, in 0 to 1, to estimate risks beyond it.
        seed: Seed of the samples that rank sets of columns.
        force: Overwrite a policy that exists.
        lineage: The lineage store.
    """
    started = datetime.datetime.now(datetime.UTC)
    outputs = [_output(text, force) for text in output or ()]
    if sample_fraction is not None and not 0 < sample_fraction <= 1:
        raise CasemateError(
            f"{sample_fraction:g} is no share of a population",
            where="--sample-fraction",
            fix="more than 0 and at most 1, such as 0.01",
        )
    profile = _profile(table, target, subject, sample_fraction, seed)
    from casemate.report.profile_text import show

    show(profile, out())
    for one in outputs:
        _write(one, _rendered(one, profile), force)
        err().print(f"wrote {one.path}", soft_wrap=True)
    _trace(table, profile, started, lineage)
    if not any(one.format == "policy" for one in outputs):
        err().print("next: casemate profile ... --output policy=privacy.toml", soft_wrap=True)
    return 0


def _profile(name: str, target: str | None, subject: str | None, fraction: float | None, seed: int) -> Profile:
    from casemate.assess import Progress
    from casemate.cli.progress import bar
    from casemate.controls.profiling.profile import profile_table

    columns = _columns(name)
    with bar() as watch:

        def advance(done: int, total: int) -> None:
            if watch is not None:
                watch(Progress(done, total, f"column {done:,}", cached=False))

        return profile_table(
            columns, name, target=target, subject=subject, fraction=fraction, seed=seed, progress=advance
        )


def _trace(name: str, profile: Profile, started: datetime.datetime, lineage: str | None) -> None:
    """Record that the table was read; what scikit-learn ships is no file that a lineage could know."""
    version = version_of(name, [column.name for column in profile.columns], profile.rows)
    if version is not None:
        trace_reading("casemate profile", version, started, lineage)


def _columns(name: str) -> list[polars.Series]:
    from casemate.systems.data.read import Source

    table, _ = Source(name, Path()).read()
    columns = [table.column(column) for column in table.names]
    if table.labels is not None:
        import polars as pl

        columns.append(pl.Series(table.target or "target", table.labels))
    return columns


def _rendered(one: Output, profile: Profile) -> bytes:
    if one.format == "html":
        from casemate.report.profile import render

        return render(profile)
    if one.format == "policy":
        from casemate.controls.privacy.proposal import write_policy

        return write_policy(profile).encode()
    import msgspec

    record: dict[str, Any] = {"version": 1, **msgspec.to_builtins(profile)}
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def _output(text: str, force: bool) -> Output:
    """Return one file to write, its place checked before anything is read."""
    format, equals, path = text.partition("=")
    where = f"--output {text}"
    if not equals or not path:
        raise CasemateError(f"{text!r} is not FORMAT=PATH", where="--output", fix="--output policy=privacy.toml")
    if format not in FORMATS:
        hint = did_you_mean(format, FORMATS)
        fix = f"use one of: {', '.join(FORMATS)}"
        raise CasemateError(f"a profile has no format {format!r}.{hint}", where=where, fix=fix)
    place = Path(path)
    if place.is_dir():
        raise CasemateError(f"{place} is a folder", where=where, fix="name a file in it")
    if not place.parent.is_dir():
        raise CasemateError(f"the folder {place.parent} does not exist", where=where, fix="make it first")
    if not os.access(place.parent, os.W_OK):
        raise CasemateError(
            f"the folder {place.parent} may not be written to", where=where, fix="choose another folder"
        )
    _check_free(Output(format, place), force)
    return Output(format, place)


def _check_free(one: Output, force: bool) -> None:
    if one.format == "policy" and one.path.exists() and not force:
        raise CasemateError(
            f"{one.path} exists",
            why="what somebody decided in it would be lost",
            fix="name another file, or add --force to overwrite it",
        )


def _write(one: Output, content: bytes, force: bool) -> None:
    """Write the file whole; without ``force`` never over a policy that came to be in the meantime."""
    from casemate.core.files import write_whole

    _check_free(one, force)
    try:
        write_whole(one.path, content)
    except OSError as error:
        raise CasemateError(f"the file cannot be written: {error.strerror}", where=str(one.path)) from None
