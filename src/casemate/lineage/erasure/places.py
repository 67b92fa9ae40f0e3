"""Places of data: where the file of a version is, and whether what lies there is still that version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from casemate.core.digests import file_digest
from casemate.core.provenance import DatasetVersion
from casemate.lineage.erasure.formats import Format, format_of

State = Literal["here", "replaced", "unreachable"]


@dataclass(frozen=True)
class Place:
    """Where a version is.

    Args:
        state: here: the file is this version. replaced: another version lies there, so that this one is no more.
            unreachable: nobody can say.
        path: of the file; None where the location is none of this machine.
        format: the one that can rewrite it; None where none can.
        reason: why it is unreachable.
    """

    state: State
    path: Path | None = None
    format: Format | None = None
    reason: str = ""


def place_of(version: DatasetVersion, known: set[str], formats: Sequence[Format]) -> Place:
    """Return where a version is.

    Args:
        version: as it was recorded.
        known: digests of all versions that were recorded.
        formats: that files are rewritten in.
    """
    path = path_of(version.location)
    if path is None:
        return Place("unreachable", reason=f"no file of this machine: {version.location or 'no location recorded'}")
    try:
        path = path.resolve()  # a link is not what holds the rows
        if not path.is_file():
            return Place("unreachable", path, reason="no file is there any more; it may have been moved or copied")
        found = file_digest(path)
        if found == version.digest:
            return Place("here", path, format_of(path, formats))
    except OSError as error:
        return Place("unreachable", path, reason=f"the file cannot be read: {error.strerror}")
    if found in known:
        return Place("replaced", path)
    return Place("unreachable", path, reason="the file there is no version that was recorded")


def path_of(location: str) -> Path | None:
    """Return the path that a location means; None where it is none of this machine."""
    if not location:
        return None
    if "://" not in location:
        return Path(location)
    parts = urlsplit(location)
    return Path(unquote(parts.path)) if parts.scheme == "file" and parts.netloc in ("", "localhost") else None
