"""Sealed arrays: numbers in a file under AES-256-GCM, in chunks, readable section by section.

Layout: magic, salt (16 bytes), length of the label (4), label, lengths of both sections (8 each), chunks of ciphertext.
The key is derived from the salt, so that it is the file's own; the nonce is the chunk's number and whether it is the
section's last (the STREAM construction, Hoang et al., CRYPTO 2015); everything before the chunks is authenticated too.
"""

from __future__ import annotations

import os
import secrets
import struct
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from casemate.core.errors import LineageError

MAGIC = b"casemate sealed numbers 1\n"
CHUNK = 4 << 20
TAG = 16
SALT = 16
LONGEST_LABEL = 1000

KeyOf = Callable[[bytes], bytes]
"""Returns the 32-byte key of a file from its salt."""


def write(path: Path, sections: tuple[bytes, bytes], label: str, key_of: KeyOf) -> None:
    """Write two sections of bytes, whole or not at all, for the owner alone.

    Args:
        path: the file; replaced where it exists. Its folder is made where there is none.
        sections: their bytes.
        label: what the file is about; a file under another's name does not open.
        key_of: see `KeyOf`.

    Raises:
        LineageError: the folder is not writable or the disk is full; ``path`` is then as it was.
    """
    salt = secrets.token_bytes(SALT)
    told = label.encode()
    head = MAGIC + salt + struct.pack("<I", len(told)) + told + struct.pack("<2Q", *map(len, sections))
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(path, chain([head], _seal(sections, head, key_of(salt))))
    except OSError as error:
        raise LineageError(
            f"a file of subject tokens cannot be written: {error.strerror}",
            where=str(path),
            why="nothing of this was recorded",
            fix="make room, or the folder writable",
        ) from None


def _write(path: Path, parts: Iterable[bytes]) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    opened = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(opened, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: Path, section: int, label: str, key_of: KeyOf) -> bytearray:
    """Return the bytes of one section.

    Raises:
        LineageError: the file is missing, damaged, another's, or of another key.
    """
    try:
        with path.open("rb") as file:
            salt, told, lengths, head = _head(file)
            if told != label.encode():
                raise ValueError("it is another's")
            file.seek(sum(_sealed_size(length) for length in lengths[:section]), os.SEEK_CUR)
            return _unseal(file, section, lengths[section], head, key_of(salt))
    except (OSError, ValueError) as error:
        raise LineageError(
            f"a file of subject tokens cannot be used: {getattr(error, 'strerror', None) or error}",
            where=str(path),
            why="without it nobody can be found in that version of the data",
            fix="restore it from a backup, or index the version again: casemate lineage index",
        ) from None


def _head(file: BinaryIO) -> tuple[bytes, bytes, tuple[int, int], bytes]:
    start = file.read(len(MAGIC) + SALT + 4)
    if not start.startswith(MAGIC) or len(start) < len(MAGIC) + SALT + 4:
        raise ValueError("it is no file of tokens")
    (size,) = struct.unpack("<I", start[-4:])
    if size > LONGEST_LABEL:
        raise ValueError("it is damaged")
    rest = file.read(size + 16)
    if len(rest) < size + 16:
        raise ValueError("it is cut off")
    return start[len(MAGIC) : -4], rest[:size], struct.unpack("<2Q", rest[size:]), start + rest


def _seal(sections: tuple[bytes, bytes], head: bytes, key: bytes) -> Iterator[bytes]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cipher = AESGCM(key)
    for number, section in enumerate(sections):
        view = memoryview(section)
        for place, last in _chunks(len(section)):
            yield cipher.encrypt(_nonce(number, place, last), bytes(view[place * CHUNK : (place + 1) * CHUNK]), head)


def _unseal(file: BinaryIO, section: int, length: int, head: bytes, key: bytes) -> bytearray:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if _sealed_size(length) > os.fstat(file.fileno()).st_size:
        raise ValueError("it is cut off")
    cipher = AESGCM(key)
    found = bytearray()
    for place, last in _chunks(length):
        sealed = file.read(min(CHUNK, length - place * CHUNK) + TAG)
        try:
            found += cipher.decrypt(_nonce(section, place, last), sealed, head)
        except (InvalidTag, ValueError):
            raise ValueError("it was changed, or the key is not the one it was written with") from None
    return found


def _chunks(length: int) -> Iterator[tuple[int, bool]]:
    """The number of every chunk of a section and whether it is the last; an empty section has one, empty chunk."""
    count = max(1, -(-length // CHUNK))
    for place in range(count):
        yield place, place == count - 1


def _nonce(section: int, place: int, last: bool) -> bytes:
    return struct.pack("<IIHH", place, section, int(last), 0)


def _sealed_size(length: int) -> int:
    return length + TAG * max(1, -(-length // CHUNK))


def as_numbers(data: bytearray, dtype: str) -> np.ndarray:
    """Return bytes as an array that owns them.

    Raises:
        ValueError: they are no whole number of items.
    """
    return np.frombuffer(data, np.dtype(dtype))
