"""Rewrite: a file without some of its rows takes the place of the file, and the old bytes are overwritten."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from casemate.core.digests import file_digest
from casemate.core.errors import LineageError
from casemate.lineage.erasure.formats import Format

MARK = ".erasing-"
BLOCK = 1 << 20


@dataclass
class Copy:
    """A copy that is ready to take the place of its file.

    Args:
        path: the file.
        temporary: the copy, beside it.
        digest: SHA-256 of the copy.
        total: rows that the file had.
        left: the rows that were left out as they stood in it, where they stood as bytes.
        notes: what whoever reads the receipt must know.
    """

    path: Path
    temporary: Path
    digest: str
    total: int
    left: list[bytes]
    notes: list[str]

    def take_place(self, expected: str) -> None:
        """Put the copy where the file is, and overwrite the file's old bytes.

        Args:
            expected: digest that the file must still have.

        Raises:
            LineageError: somebody changed the file meanwhile; it stays as it is.
        """
        if file_digest(self.path) != expected:
            raise LineageError(
                "the file was changed while it was rewritten",
                where=str(self.path),
                fix="erase again, when nobody writes",
            )
        with self.path.open("r+b") as old:
            self.temporary.replace(self.path)
            _sync_folder(self.path.parent)
            self.notes += _overwrite(old.fileno())


@contextmanager
def copied(path: Path, format: Format, gone: np.ndarray) -> Iterator[Copy]:
    """Yield a copy of a file without some rows; it is removed where it does not take the file's place.

    Raises:
        LineageError: it cannot be written.
    """
    for left_behind in path.parent.glob(f"{MARK}*-{path.name}"):  # by a process that died
        left_behind.unlink()
    temporary = path.with_name(f"{MARK}{secrets.token_hex(6)}-{path.name}")
    try:
        total, left = format.copy(path, temporary, gone)
        shutil.copymode(path, temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        yield Copy(path, temporary, file_digest(temporary), total, left, [])
    except OSError as error:
        raise LineageError(
            f"the file cannot be rewritten: {error.strerror or error}",
            where=str(path),
            why="it is as it was: the person is still in it",
            fix="make room, or the folder writable, and erase again",
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def remove(path: Path) -> list[str]:
    """Overwrite and remove a file; return what whoever reads the receipt must know."""
    try:
        with path.open("r+b") as old:
            path.unlink()
            _sync_folder(path.parent)
            return _overwrite(old.fileno())
    except OSError as error:
        raise LineageError(
            f"the file cannot be removed: {error.strerror or error}",
            where=str(path),
            why="the person is still in it",
            fix="make the file and its folder writable, and erase again",
        ) from None


def _overwrite(opened: int) -> list[str]:
    """Overwrite the bytes of a file that has lost its name; not those of a file that has further names."""
    told = os.fstat(opened)
    if told.st_nlink:
        return [f"the old file has {told.st_nlink} further names (hard links), under which it still exists"]
    zeros = bytes(BLOCK)
    os.lseek(opened, 0, os.SEEK_SET)
    left = told.st_size
    while left > 0:
        left -= os.write(opened, zeros[: min(BLOCK, left)])
    os.fsync(opened)
    return []


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
