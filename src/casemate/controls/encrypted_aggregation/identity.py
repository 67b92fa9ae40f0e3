"""Who is who: signatures of those whom a plan names (Ed25519, RFC 8032)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from casemate.core.errors import BadEnvelope, OutOfRange

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SIGNATURE_BYTES = 64
LONGEST_NAME = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)


class Identity:
    """A client's or a holder's name, and the secret that it signs with. It serves for any number of plans.

    Args:
        name: 1 to 64 letters, digits or ``. _ @ -``.
        secret: 32 bytes, to be kept secret.

    Raises:
        OutOfRange: another name or secret.
    """

    def __init__(self, name: str, secret: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        check_name(name)
        if len(secret) != 32:
            raise OutOfRange(f"a secret of {len(secret)} bytes, where 32 are expected", where=f"identity of {name}")
        self.name = name
        self.secret = secret
        self._key: Ed25519PrivateKey = Ed25519PrivateKey.from_private_bytes(secret)

    @classmethod
    def new(cls, name: str) -> Identity:
        """Return a new identity."""
        import secrets

        return cls(name, secrets.token_bytes(32))

    def __reduce__(self) -> str:
        raise TypeError("an identity holds a secret, and is not pickled; store its secret")

    def __repr__(self) -> str:
        return f"Identity({self.name!r}, {self.public})"  # never the secret

    @property
    def public(self) -> str:
        """What others check its signatures with, in hexadecimal; this goes into a plan."""
        return self._key.public_key().public_bytes_raw().hex()

    def signed(self, statement: bytes) -> bytes:
        """Return the signature of a statement, 64 bytes."""
        return self._key.sign(statement)


def check_signature(public: str, statement: bytes, signature: bytes, who: str) -> None:
    """Raise BadEnvelope where a signature is not that of whoever has this public key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes(signature), statement)
    except (InvalidSignature, ValueError):
        raise BadEnvelope(
            f"the signature is not that of {who}",
            why="the message was altered, or somebody else made it",
            fix="have it sent again by whom the plan names",
        ) from None


def check_name(name: str) -> None:
    """Raise OutOfRange where a name could be confused with another, or is none."""
    if not _NAME.fullmatch(name):
        raise OutOfRange(f"{name!r} is no name", fix="1 to 64 letters, digits or . _ @ -, the first a letter or digit")


def check_public(public: str, who: str) -> None:
    """Raise OutOfRange where this is no public key of an identity."""
    if not re.fullmatch(r"[0-9a-f]{64}", public):
        raise OutOfRange(f"the public key of {who} is none", fix="64 hexadecimal digits, as Identity.public gives them")
