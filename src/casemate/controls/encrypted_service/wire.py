"""The envelope of every message between client and server: who, what, until when, how long, and a seal over all of it.

A message is a head of 136 bytes, a body and a seal. Numbers are little-endian. What the bytes mean is told in
docs/reference/encrypted-wire-format.md. Nothing here trusts a length that it has not checked, and a message that can be
read can be written in one way only.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from casemate.core.errors import BadEnvelope, NotCanonical

MAGIC = b"CMHE"
VERSION = 1
NONCE_BYTES = 16
DIGEST_BYTES = 32
NOBODY = bytes(DIGEST_BYTES)
"""Stands where a message names no program, chain or key."""

_HEAD = struct.Struct("<4sHBB32s32s32s16sQQ")
HEAD_BYTES = _HEAD.size


class Kind(IntEnum):
    """What a message is."""

    KEYS = 1
    QUERY = 2
    RECEIPT = 3
    REPLY = 4
    REFUSAL = 5
    OFFER = 6


SEAL_BYTES = {
    Kind.KEYS: 32,
    Kind.QUERY: 32,
    Kind.RECEIPT: 64,
    Kind.REPLY: 64,
    Kind.REFUSAL: 64,
    Kind.OFFER: 64,
}
"""Clients seal with HMAC-SHA-256, under a key that only they and the server know; the server signs with Ed25519."""


@dataclass(frozen=True)
class Head:
    """What a message says of itself.

    Args:
        kind: what it is.
        program, chain: SHA-256 of the program and of its parameters.
        key: fingerprint of the client's key.
        nonce: 16 random bytes, never used twice.
        expiry: the second, since 1970, after which it is stale.
    """

    kind: Kind
    program: bytes = NOBODY
    chain: bytes = NOBODY
    key: bytes = NOBODY
    nonce: bytes = bytes(NONCE_BYTES)
    expiry: int = 0


@dataclass(frozen=True)
class Message:
    """A message that was taken apart; nothing of it is authentic before its seal is checked.

    Args:
        head: see `Head`.
        body: what the kind says.
        covered: the bytes that the seal is over: head and body.
        seal: a MAC or a signature.
    """

    head: Head
    body: memoryview
    covered: memoryview
    seal: memoryview


def size_of(kind: Kind, body: int) -> int:
    """Return the bytes of a message whose body has so many."""
    return HEAD_BYTES + body + SEAL_BYTES[kind]


def unsealed(head: Head, body: bytes) -> bytes:
    """Return head and body, to be sealed; the seal is to be appended."""
    total = size_of(head.kind, len(body))
    told = (head.program, head.chain, head.key, head.nonce, head.expiry, total)
    return _HEAD.pack(MAGIC, VERSION, head.kind, 0, *told) + body


def parsed(data: bytes, kind: Kind, most: int) -> Message:
    """Take a message apart, without copying it.

    Args:
        data: all bytes that came.
        kind: what it has to be.
        most: bytes that it may have.

    Raises:
        BadEnvelope: too long or too short, of another kind or version, or no message at all.
        NotCanonical: the byte that means nothing is not zero.
    """
    least = size_of(kind, 0)
    if not least <= len(data) <= most:
        raise BadEnvelope(f"a message of {len(data):,} bytes, where {least:,} to {most:,} are expected")
    magic, version, found, spare, program, chain, key, nonce, expiry, total = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise BadEnvelope("not a message of ours: it does not begin with CMHE")
    if version != VERSION:
        raise BadEnvelope(
            f"a message of version {version}", why=f"this Casemate knows version {VERSION}", fix="update the older side"
        )
    if found != kind:
        raise BadEnvelope(f"a message of kind {found}, where kind {int(kind)} ({kind.name.lower()}) is expected")
    if total != len(data):
        raise BadEnvelope(f"a message of {len(data):,} bytes that says that it has {total:,}")
    if spare:
        raise NotCanonical("the byte of the head that means nothing is not zero")
    view = memoryview(data).toreadonly()
    end = len(data) - SEAL_BYTES[kind]
    head = Head(kind, program, chain, key, nonce, expiry)
    return Message(head, view[HEAD_BYTES:end], view[:end], view[end:])


def kind_of(data: bytes) -> Kind | None:
    """Return what a message claims to be, None where it is no message; for choosing how to read it, nothing more."""
    if len(data) < HEAD_BYTES or data[:4] != MAGIC or data[6] not in Kind._value2member_map_:
        return None
    return Kind(data[6])
