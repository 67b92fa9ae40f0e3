"""Chunks: a stream of any length under AES-256-GCM in constant memory, in which nothing can be moved, lost or added.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway & Vizár, CRYPTO 2015): the nonce of a chunk is its number and
whether it is the last one. A chunk in another place, a missing end or an added one has another nonce, and stays shut.
The key is used for one stream only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

TAG = 16
CHUNK = 1 << 18
"""Bytes of a chunk: small enough for the processor's cache, large enough that its overhead vanishes."""

LARGEST = 1 << 24
SMALLEST = 1 << 10

Watch = Callable[[int], None]
"""Called with the bytes of each chunk that is done."""


class Altered(Exception):
    """A chunk does not open: the key is another one, or bytes were altered, moved, lost or added.

    Args:
        number: of the chunk, counted from 0.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def seal(key: bytes, source: BinaryIO, target: BinaryIO, size: int, watch: Watch | None = None) -> int:
    """Encrypt a stream; return how many bytes were read.

    Args:
        key: 32 bytes, used for this stream only.
        source, target: streams of bytes; reading may give fewer bytes than asked for.
        size: bytes of a chunk.
        watch: see `Watch`.

    Raises:
        OSError: reading or writing failed.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cipher, total = AESGCM(key), 0
    for number, last, plain in _pieces(source, size):
        target.write(cipher.encrypt(_nonce(number, last), plain, None))
        total += len(plain)
        if watch is not None:
            watch(len(plain))
    return total


def unseal(key: bytes, source: BinaryIO, target: BinaryIO, size: int, watch: Watch | None = None) -> int:
    """Decrypt a stream; return how many bytes were written. They are to be trusted only when this has returned.

    Args:
        key, source, target, size, watch: as of `seal`.

    Raises:
        Altered: it is not what was sealed under the key.
        OSError: reading or writing failed.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cipher, total = AESGCM(key), 0
    for number, last, sealed in _pieces(source, size + TAG):
        try:
            plain = cipher.decrypt(_nonce(number, last), sealed, None)
        except InvalidTag:  # or shorter than a tag
            raise Altered(number) from None
        target.write(plain)
        total += len(plain)
        if watch is not None:
            watch(len(plain))
    return total


def _pieces(source: BinaryIO, size: int) -> Iterator[tuple[int, bool, memoryview]]:
    """Yield the pieces of a stream, each with its number and whether it is the last; at least one, perhaps empty."""
    held, ahead = memoryview(bytearray(size)), memoryview(bytearray(size))
    number, filled = 0, _fill(source, held)
    while True:
        follows = _fill(source, ahead) if filled == size else 0
        yield number, not follows, held[:filled]
        if not follows:
            return
        held, ahead, filled = ahead, held, follows
        number += 1


def _fill(source: BinaryIO, room: memoryview) -> int:
    filled = 0
    while filled < len(room):
        got = source.readinto(room[filled:])  # type: ignore[attr-defined]
        if not got:
            break
        filled += got
    return filled


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
