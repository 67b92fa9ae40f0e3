"""casemate report: a stored assessment as something to read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from casemate.cli import outputs, stored


def command(
    assessment: Path | None = None,
    /,
    *,
    output: Annotated[list[str] | None, Parameter(name=["--output", "-o"], metavar="FORMAT=PATH")] = None,
) -> int:
    """Show a stored assessment, or write it as HTML, Markdown or JSON.

    Args:
        assessment: A stored assessment, or the system file or folder it belongs to. By default the last one here.
        output: Write a report, for example html=report.html; may be repeated. Without it, the terminal.
    """
    wanted = outputs.parse(output or [])
    record = stored.load(assessment)
    if wanted:
        outputs.write(wanted, record)
    else:
        outputs.show(record)
    return 0
