"""Files: written whole or not at all."""

from __future__ import annotations

import secrets
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that nobody ever sees half of it: to a temporary file beside it, then renamed.

    Raises:
        OSError: the folder does not exist, is not writable, or the disk is full; ``path`` is then as it was.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    opened = temporary.open("xb")  # never a file, or a link, that somebody put there
    try:
        with opened as file:
            file.write(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
