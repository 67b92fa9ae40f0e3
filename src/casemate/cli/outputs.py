"""Outputs: reports asked for as FORMAT=PATH, checked before anything runs and written after."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from casemate import report
from casemate.cli.screen import err, out
from casemate.core.assessment import Assessment
from casemate.core.errors import CasemateError, did_you_mean


@dataclass(frozen=True)
class Output:
    """One report to write."""

    format: str
    path: Path


def parse(asked: Sequence[str]) -> list[Output]:
    """Return what ``--output`` asks for.

    Raises:
        CasemateError: not FORMAT=PATH, no such format, two reports in one file, or a place that cannot be written to.
    """
    outputs = [_one(text) for text in asked]
    for output in outputs:
        if sum(other.path == output.path for other in outputs) > 1:
            raise CasemateError(
                f"two reports would be written to {output.path}",
                where="--output",
                fix="give each report a file of its own",
            )
        _check_place(output)
    return outputs


def write(outputs: Sequence[Output], assessment: Assessment, *, quiet: bool = False) -> None:
    """Write every report, and say on stderr where each is.

    Raises:
        CasemateError: a file cannot be written.
    """
    for output in outputs:
        report.write(output.format, output.path, assessment)
        if not quiet:
            err().print(f"wrote {output.path}", soft_wrap=True)


def show(assessment: Assessment, written: Sequence[Output] = ()) -> None:
    """Print the report for the terminal to stdout, in colours where there are any, and where the others are."""
    from casemate.report import terminal

    terminal.show(assessment, out(), reports={output.format: output.path for output in written})


def _one(text: str) -> Output:
    format, equals, path = text.partition("=")
    if not equals or not path:
        raise CasemateError(
            f"{text!r} is not FORMAT=PATH",
            where="--output",
            fix=f"for example --output html=report.html; formats: {', '.join(report.FORMATS)}",
        )
    if format not in report.FORMATS:
        raise CasemateError(
            f"there is no report format {format!r}.{did_you_mean(format, report.FORMATS)}",
            where=f"--output {text}",
            fix=f"use one of: {', '.join(report.FORMATS)}",
        )
    return Output(format, Path(path))


def _check_place(output: Output) -> None:
    """Say now what would fail after hours of attacks: the folder is a file, or may not be written to."""
    where = f"--output {output.format}={output.path}"
    if output.path.is_dir():
        raise CasemateError(f"{output.path} is a folder", where=where, fix="name a file in it")
    existing = next(folder for folder in output.path.absolute().parents if folder.exists())
    if not existing.is_dir():
        raise CasemateError(f"{existing} is a file, so that nothing can be written below it", where=where)
    if not os.access(existing, os.W_OK):
        raise CasemateError(f"the folder {existing} may not be written to", where=where, fix="choose another folder")
