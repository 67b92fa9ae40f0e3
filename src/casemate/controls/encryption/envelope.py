"""Envelopes: any file under a key of its own, which a key store's key seals; opened only as it was made, to the byte.

A sealed file begins with a mark, the length of a header and the header: which key seals the file's own key, and that
key, sealed. The chunks follow (see ``chunks``), under a key that is derived from the file's own and all that precedes,
so that no byte of the header can be altered either.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from casemate.controls.encryption import chunks
from casemate.controls.encryption.chunks import Altered, Watch
from casemate.controls.encryption.key_store import KeyStore
from casemate.controls.encryption.whole import unwritable, written_whole
from casemate.core.errors import DataMissing, DataUnreadable, SealBroken

MARK = b"CASEMATE SEALED\n"
LONGEST_HEADER = 1 << 17

_LENGTH = 4
_CONTEXT = b"casemate envelope v1 "


class Header(msgspec.Struct, frozen=True):
    """What a sealed file says of itself, for everybody to read.

    Args:
        format: version of the format.
        key: name of the key that opens it.
        wrapped: the file's own key, sealed under that key.
        id: random, different for each file.
        chunk: bytes of a chunk.
    """

    format: int
    key: str
    wrapped: str
    id: str
    chunk: int


@dataclass(frozen=True)
class Sealed:
    """What was sealed or unsealed: under which key, and how many bytes the open file has."""

    key: str
    bytes: int


def seal_file(source: Path, target: Path, store: KeyStore, key: str, *, watch: Watch | None = None) -> Sealed:
    """Seal a file of any size, in constant memory; the target is written whole or not at all.

    Args:
        source: the open file.
        target: the sealed one; replaced where it exists.
        store: where the key is.
        key: its name; the newest version seals.
        watch: called with the bytes of each chunk that is done.

    Raises:
        DataMissing: there is no such file.
        SecretError: the key cannot be had.
        CasemateError: the target cannot be written.
    """
    own = secrets.token_bytes(32)
    mark = secrets.token_hex(16)
    header = Header(1, key, store.wrap(key, own, _CONTEXT + mark.encode()), mark, chunks.CHUNK)
    raw = msgspec.json.encode(header)
    start = MARK + len(raw).to_bytes(_LENGTH, "big") + raw
    with _opened(source) as reading:
        try:
            with written_whole(target) as writing:
                writing.write(start)
                total = chunks.seal(_stream_key(own, start), reading, writing, header.chunk, watch)
        except OSError as error:
            raise unwritable(error, target) from error
    return Sealed(key, total)


def unseal_file(source: Path, target: Path, store: KeyStore, *, watch: Watch | None = None) -> Sealed:
    """Open a sealed file, in constant memory; the target is written whole or not at all, for its owner's eyes only.

    Args:
        source: the sealed file.
        target: the open one; replaced where it exists.
        store: where the key is.
        watch: called with the bytes of each chunk that is done.

    Raises:
        DataMissing: there is no such file.
        DataUnreadable: it is not a sealed file.
        SecretError: the key cannot be had.
        SealBroken: the key is another one, or the file was altered, cut off, or put together from others.
        CasemateError: the target cannot be written.
    """
    with _opened(source) as reading:
        start, header = _header(reading, source)
        own = store.unwrap(header.key, header.wrapped, _CONTEXT + header.id.encode())
        try:
            with written_whole(target, private=True) as writing:
                total = chunks.unseal(_stream_key(own, start), reading, writing, header.chunk, watch)
        except Altered as altered:
            raise _broken(source, header, altered.number) from None
        except OSError as error:
            raise unwritable(error, target) from error
    return Sealed(header.key, total)


def read_header(path: Path) -> Header:
    """Return what a sealed file says of itself; nothing is opened, and nothing is checked against a key.

    Raises:
        DataMissing: there is no such file.
        DataUnreadable: it is not a sealed file.
    """
    with _opened(path) as file:
        return _header(file, path)[1]


def _header(file: BinaryIO, path: Path) -> tuple[bytes, Header]:
    """The header, and all bytes up to its end. Lengths are checked before anything is read."""
    start = file.read(len(MARK) + _LENGTH)
    if not start.startswith(MARK):
        raise DataUnreadable("this is not a sealed file", where=str(path), fix="seal it first: casemate seal FILE")
    length = int.from_bytes(start[len(MARK) :], "big")
    raw = file.read(length) if length <= LONGEST_HEADER else b""
    try:
        header = msgspec.json.decode(raw, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _no_header(path, "it is damaged") from None
    if header.format != 1:
        raise _no_header(path, f"it is of format {header.format}, and this version of Casemate knows format 1")
    if not chunks.SMALLEST <= header.chunk <= chunks.LARGEST:
        raise _no_header(path, f"it asks for chunks of {header.chunk:,} bytes")
    return start + raw, header


def _stream_key(own: bytes, start: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, salt=None, info=b"casemate seal v1" + hashlib.sha256(start).digest()).derive(own)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        raise DataMissing(f"the file cannot be read: {error.strerror}", where=str(path)) from error


def _broken(path: Path, header: Header, number: int) -> SealBroken:
    return SealBroken(
        "the sealed file does not open",
        where=f"{path}, from byte {number * header.chunk:,} of its content",
        why="it was altered, cut off or put together from others after it was sealed, or its key was replaced; "
        "these cannot be told apart",
        fix="restore the file from a copy; nothing of it was written",
    )


def _no_header(path: Path, how: str) -> DataUnreadable:
    fix = "restore the file from a copy, or update Casemate"
    return DataUnreadable(f"the header of the sealed file cannot be read: {how}", where=str(path), fix=fix)
