"""Scratch: temporary files beside an output, which nobody else can read and which do not outlive their process."""

from __future__ import annotations

import mmap
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from casemate.core.errors import CasemateError


def beside(path: Path, ending: str) -> Path:
    """Return the name of a temporary file or folder beside a file; it tells which process made it."""
    return path.with_name(f".{path.name}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.{ending}")


def sweep(path: Path) -> int:
    """Remove what processes of this machine that are no more left beside a file; return how many things there were.

    A process that is killed cannot clean up: the next one that writes the same output does.
    """
    gone = 0
    prefix = f".{path.name}.{_host()}-"
    if not path.parent.is_dir():
        return 0
    for left in path.parent.iterdir():
        pid = left.name.removeprefix(prefix).partition("-")[0] if left.name.startswith(prefix) else ""
        if pid.isdecimal() and not _alive(int(pid)):
            _remove(left)
            gone += 1
    return gone


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """Yield a folder beside an output that only its owner can enter, and remove it with all its content."""
    made = beside(path, "work")
    with telling(path):
        made.mkdir(mode=0o700)
    try:
        yield made
    finally:
        _remove(made)


def array(where: Path, shape: tuple[int, ...], dtype: np.dtype[np.generic] | type) -> np.ndarray:
    """Return a zeroed array on disk, which the system may page out.

    Its file has no name any more, so that nothing is left of it, whatever becomes of the process.
    """
    if 0 in shape:
        return np.zeros(shape, dtype)
    path = where / f"array-{secrets.token_hex(8)}"
    try:
        return np.memmap(path, dtype=dtype, mode="w+", shape=shape)
    finally:
        path.unlink(missing_ok=True)


def forget(held: np.ndarray) -> None:
    """Let go of the memory of an array on disk; what it holds is read again when it is asked for."""
    if isinstance(held, np.memmap):
        held._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Turn a full disk, or a folder that cannot be written to, into an error that says so."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        raise CasemateError(
            f"{path.name} cannot be written: {reason}",
            where=str(path.parent),
            why="nothing was written: a file that was there before is as it was",
            fix="make room, or choose another folder",
        ) from error


def _host() -> str:
    return "".join(c for c in socket.gethostname() if c.isalnum())[:16] or "here"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(FileNotFoundError):
            path.unlink()
