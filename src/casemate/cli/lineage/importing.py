"""casemate lineage import: OpenLineage events taken in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from casemate.cli.lineage import Dash, Store
from casemate.cli.lineage.opened import opened
from casemate.cli.screen import err
from casemate.core.errors import DataMissing, DataUnreadable


def command(file: Annotated[str, Dash], /, *, store: Store = None) -> int:
    """Take in OpenLineage events.

    Args:
        file: Events in JSON: one per line, or all in one list; - for stdin.
        store: The lineage store. Default: that of CASEMATE_LINEAGE, else .casemate/lineage.db.
    """
    from casemate.integrations import openlineage

    found = events(_content(file), file)
    with opened(store, create=True) as lineage:
        openlineage.ingest(lineage, found)
    err().print(f"took in {len(found):,} events", soft_wrap=True)
    return 0


def events(content: bytes, name: str) -> list[dict[str, Any]]:
    """Return the events of a file.

    Raises:
        DataUnreadable: not JSON, or something that is no object; with the line.
    """
    import msgspec

    if content.lstrip().startswith(b"["):
        try:
            return msgspec.json.decode(content, type=list[dict[str, Any]])
        except msgspec.DecodeError as error:
            raise DataUnreadable(f"{name} is no list of events: {error}", where=name) from None
    found = []
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            try:
                found.append(msgspec.json.decode(line, type=dict[str, Any]))
            except msgspec.DecodeError as error:
                raise DataUnreadable(
                    f"{name} holds a line that is no event: {error}", where=f"{name}:{number}"
                ) from None
    return found


def _content(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise DataMissing(f"{file} cannot be read: {error.strerror}", where=file) from None
