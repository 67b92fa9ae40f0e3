"""Messages: everything that goes from one party to another, of one form, with a signature over all of it.

A message is a head (72 bytes: mark, version, kind, digest of the plan, fingerprint of the key), the sender's name after
one byte that tells its length, a body whose length follows from the plan, and a signature of 64 bytes. Numbers are
little-endian. The signature is over the head, the name and the SHA-256 of the body, so that it can be checked without
the body by whoever is told its digest. Lengths are checked before anything is allocated, and every message can be
written in one way only.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from casemate.controls.encrypted_aggregation.identity import (
    LONGEST_NAME,
    SIGNATURE_BYTES,
    Identity,
    check_name,
    check_signature,
)
from casemate.core.errors import BadEnvelope, NotCanonical, NotEnrolled, OutOfRange, WrongKey, WrongPlan, did_you_mean

MAGIC = b"CMEA"
VERSION = 1
NO_KEY = bytes(32)
"""Stands where there is no joint key yet."""

HEAD = struct.Struct("<4sHBB32s32s")


class Kind(IntEnum):
    """What a message is."""

    SHARE = 1
    KEY = 2
    CONTRIBUTION = 3
    TOTAL = 4
    PART = 5


_CALLED = {
    Kind.SHARE: "share of a key",
    Kind.KEY: "joint key",
    Kind.CONTRIBUTION: "contribution",
    Kind.TOTAL: "total",
    Kind.PART: "part of a decryption",
}


@dataclass(frozen=True)
class Message:
    """A message whose signature holds.

    Args:
        sender: who made it.
        body: what it says.
        digest: SHA-256 of the body.
        signature: 64 bytes.
    """

    sender: str
    body: memoryview
    digest: bytes
    signature: bytes


def head(kind: Kind, plan: bytes, key: bytes) -> bytes:
    """Return the head of a message."""
    return HEAD.pack(MAGIC, VERSION, kind, 0, plan, key)


def signed(kind: Kind, plan: bytes, key: bytes, sender: Identity, body: bytes) -> bytes:
    """Return a message."""
    start = head(kind, plan, key) + named(sender.name)
    return b"".join((start, body, sender.signed(start + hashlib.sha256(body).digest())))


def read(
    data: bytes | memoryview, kind: Kind, plan: bytes, key: bytes, senders: Mapping[str, str], body: int
) -> Message:
    """Take a message apart, without copying it.

    Args:
        data: all bytes that came.
        kind: what it has to be.
        plan, key: what it has to be made for.
        senders: public keys of those who may send it, by name.
        body: bytes that its body must have.

    Raises:
        BadEnvelope: cut off, altered, of another kind, or not signed by whom it names.
        NotCanonical: the byte that means nothing is not zero.
        WrongPlan, WrongKey: made for another plan or key.
        NotEnrolled: from somebody whom the plan does not name.
    """
    view = memoryview(data).toreadonly()
    least = HEAD.size + 1 + body + SIGNATURE_BYTES
    if not least < len(view) <= least + LONGEST_NAME or len(view) != least + view[HEAD.size]:
        raise BadEnvelope(
            f"a message of {len(view):,} bytes, where a {_CALLED[kind]} has {least:,} and its sender's name",
            why="it was cut off, or made for another plan",
        )
    check_head(view, kind, plan, key)
    start = least - body - SIGNATURE_BYTES + view[HEAD.size]
    sender = name_in(view[HEAD.size + 1 : start])
    held = view[start : start + body]
    message = Message(sender, held, hashlib.sha256(held).digest(), bytes(view[-SIGNATURE_BYTES:]))
    check_signed(message.sender, bytes(view[:start]), message.digest, message.signature, senders)
    return message


def check_head(view: memoryview, kind: Kind, plan: bytes, key: bytes) -> None:
    """Raise where a head is not that of a message of this kind, for this plan and key; see `read`."""
    if len(view) < HEAD.size:
        raise BadEnvelope(f"a message of {len(view)} bytes is cut off")
    magic, version, found, spare, for_plan, for_key = HEAD.unpack_from(view)
    if magic != MAGIC or version != VERSION or found != kind:
        raise BadEnvelope(
            f"not a {_CALLED[kind]} of version {VERSION}", fix="check which file is which, or update the older side"
        )
    if spare:
        raise NotCanonical("the byte of the head that means nothing is not zero")
    if for_plan != plan:
        raise WrongPlan(
            f"a {_CALLED[kind]} of another aggregation", fix="use the plan, the key and the contributions of one round"
        )
    if for_key != key:
        raise WrongKey(f"a {_CALLED[kind]} for another joint key", fix="make it again with the key of this round")


def check_signed(sender: str, start: bytes, digest: bytes, signature: bytes, senders: Mapping[str, str]) -> None:
    """Raise where nobody of the senders signed this; see `read`.

    Args:
        start: head and name.
        digest: SHA-256 of the body.
    """
    if sender not in senders:
        raise NotEnrolled(
            f"{sender} is not named in the plan.{did_you_mean(sender, senders)}",
            why="whoever is not named could be anybody, several times over",
            fix="make a new plan that names all who take part",
        )
    check_signature(senders[sender], start + digest, signature, sender)


def named(name: str) -> bytes:
    """Return a name as bytes, after its length."""
    return bytes([len(name)]) + name.encode("ascii")


def name_in(data: bytes | memoryview) -> str:
    """Return the name that these bytes spell.

    Raises:
        BadEnvelope: none that we would write.
    """
    try:
        name = bytes(data).decode("ascii")
        check_name(name)
    except (UnicodeDecodeError, OutOfRange):
        raise BadEnvelope("the name of the sender is none") from None
    return name
