"""Files of any size, written whole or not at all: even a killed process leaves nothing half-written behind."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from casemate.core.errors import CasemateError

PRIVATE = 0o600
"""Rights of what only its owner may read: keys, and whatever was decrypted."""


@contextmanager
def written_whole(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Yield a file to write; it takes its name when all is written and safe on the disk, in one step.

    Where the system can (Linux, most file systems), the file has no name until then, so that a process that is killed
    leaves nothing at all. Elsewhere it has a hidden name beside the path until then; a killed process leaves that.

    Args:
        path: the file to make or replace.
        private: whether nobody but the owner may read it, whatever the umask.

    Raises:
        OSError: the folder does not exist, is not writable, or the disk is full; ``path`` is then as it was.
    """
    mode = PRIVATE if private else 0o666
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    nameless = _nameless(path.parent, mode)
    number = nameless if nameless is not None else _open_hidden(hidden, mode)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if nameless is not None:
                _give_name(file.fileno(), hidden)
        hidden.replace(path)
        _settle(path.parent)
    finally:
        hidden.unlink(missing_ok=True)


def native(file: BinaryIO) -> BinaryIO | str:
    """Return a file that is being written as a path by which libraries in C open it themselves, where there is one.

    They write faster without a call of Python for every piece. Nothing must have been written to it yet.
    """
    place = f"/proc/self/fd/{file.fileno()}"
    return place if Path(place).exists() else file


def unwritable(error: OSError, path: Path) -> CasemateError:
    """Return the error that a file could not be written, in our words."""
    return CasemateError(
        f"the file cannot be written: {error.strerror or error}",
        where=str(path),
        why="nothing was written: the file is as it was, or there is none",
        fix="make room, or the folder writable, and try again",
    )


def wipe(number: int) -> None:
    """Overwrite an open file with zeros: one that has lost its name, but whose content may still be on the disk.

    Not every disk writes in place, and a copy elsewhere is beyond reach; this is care, not a guarantee.
    """
    size = os.fstat(number).st_size
    os.lseek(number, 0, os.SEEK_SET)
    left = size
    while left:
        left -= os.write(number, bytes(min(left, 1 << 20)))
    os.fsync(number)


def _nameless(folder: Path, mode: int) -> int | None:
    """A new file without a name in a folder; None where that cannot be had, or could not be given a name."""
    if not hasattr(os, "O_TMPFILE") or not Path("/proc/self/fd").is_dir():
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, mode)
    except OSError:  # not on this file system; if the folder is at fault, the next attempt says so
        return None


def _open_hidden(hidden: Path, mode: int) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL  # never a file, or a link, that somebody put there
    return os.open(hidden, flags | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0), mode)


def _give_name(number: int, hidden: Path) -> None:
    # With a folder's descriptor Python follows the link in /proc to the file itself; the path is absolute all the same.
    folder = os.open(hidden.parent, os.O_RDONLY)
    try:
        os.link(f"/proc/self/fd/{number}", hidden.name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        os.close(folder)


def _settle(folder: Path) -> None:
    """Have the new name itself safe on the disk, where folders can be synchronised."""
    if os.name != "posix":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems cannot; the file's content is safe already
            os.fsync(number)
    finally:
        os.close(number)
