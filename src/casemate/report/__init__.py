"""Report: an assessment as something to read. One format a file; each is a pure function of the Assessment.

No format computes a result, reads a clock or attacks anything: the same assessment gives the same bytes.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path

from casemate.core.assessment import Assessment
from casemate.core.errors import CasemateError, UnknownName, did_you_mean

FORMATS: dict[str, str] = {
    "terminal": "plain text, 100 columns wide",
    "json": "the whole record, which casemate can read again",
    "markdown": "for a pipeline's summary page",
    "html": "one page to look at and to pass on",
}
"""The formats by name, and what each is for. ``casemate.report.<name>.render`` makes it."""


def render(format: str, assessment: Assessment) -> str | bytes:
    """Return an assessment in a format: text, or bytes where the format says how text is encoded.

    Raises:
        UnknownName: there is no such format.
    """
    if format not in FORMATS:
        raise UnknownName(
            f"there is no report format {format!r}.{did_you_mean(format, FORMATS)}",
            fix=f"use one of: {', '.join(FORMATS)}",
        )
    module = importlib.import_module(f"casemate.report.{format}")
    rendered: str | bytes = module.render(assessment)
    return rendered


def write(format: str, path: Path, assessment: Assessment) -> None:
    """Write an assessment in a format. A regular file appears whole or not at all; missing folders are made.

    Raises:
        UnknownName: there is no such format.
        CasemateError: the file cannot be written.
    """
    rendered = render(format, assessment)
    data = rendered.encode() if isinstance(rendered, str) else rendered
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)  # a pipe or a terminal cannot be replaced
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, data)
    except OSError as error:
        raise CasemateError(
            f"the {format} report cannot be written: {error.strerror}",
            where=str(path),
            fix=f"choose another file: --output {format}=PATH",
        ) from None


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
