"""Wrapping: a short secret sealed under a version of a key, for one use only."""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode

from casemate.core.errors import SealBroken

_NONCE = 12
_LONGEST = 1 << 17


def wrap(secret: bytes, name: str, version: int, plain: bytes, context: bytes) -> str:
    """Return ``plain`` under AES-256-GCM, as ``v<version>:<base64 of nonce and ciphertext>``.

    Args:
        secret: of this version of the key; a key for wrapping alone is derived from it.
        name, version: of the key; what is wrapped opens under these only.
        plain: what to seal.
        context: what it is for.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE)
    sealed = AESGCM(_key(secret)).encrypt(nonce, plain, _beside(name, version, context))
    return f"v{version}:{b64encode(nonce + sealed).decode()}"


def unwrap(secret: bytes, name: str, version: int, wrapped: str, context: bytes) -> bytes:
    """Return what `wrap` sealed.

    Raises:
        SealBroken: another key's, for another context, or altered.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        raw = b64decode(wrapped.partition(":")[2], validate=True)
        return AESGCM(_key(secret)).decrypt(raw[:_NONCE], raw[_NONCE:], _beside(name, version, context))
    except (InvalidTag, ValueError):
        raise broken(name) from None


def version_of(wrapped: str, name: str) -> int:
    """Return the version of the key that something was wrapped under.

    Raises:
        SealBroken: it was not wrapped at all.
    """
    start, colon, rest = wrapped[:_LONGEST].partition(":")
    if not colon or not rest or not start.startswith("v") or not start[1:].isdecimal() or len(start) > 10:
        raise broken(name)
    return int(start[1:])


def broken(name: str) -> SealBroken:
    """Return the error that something does not open under a key."""
    return SealBroken(
        f"what is sealed does not open under the key {name!r}",
        why="it was sealed under another key of that name, for another use, or it was altered; "
        "the three cannot be told apart",
        fix="check that this is the key store it was sealed with; if it is, restore the file from a copy",
    )


def _key(secret: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, salt=None, info=b"casemate wrap v1").derive(secret)


def _beside(name: str, version: int, context: bytes) -> bytes:
    label = f"casemate wrap v1\0{name}\0{version}\0".encode()
    return label + context
