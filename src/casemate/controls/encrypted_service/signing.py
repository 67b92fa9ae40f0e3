"""Who speaks: the server's identity, which signs its messages, and the keys that a client and the server agree on.

A server has an Ed25519 key (RFC 8032) that signs and an X25519 key (RFC 7748) to agree with; clients know the public
halves, the card. A tenant has a token from the operator. A client's messages carry an HMAC-SHA-256 under keys that are
derived by HKDF (RFC 5869) from both the agreement and the token: whoever lacks either cannot speak for the client, and
no key ever crosses the wire.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.controls.encryption.whole import unwritable, written_whole
from casemate.core.errors import BadEnvelope, KeyMissing, KeyStoreUnreadable, WrongKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

AGREEMENT_BYTES = 32
TOKEN_BYTES = 32
MAC_BYTES = 32

_FILE = b"CASEMATE SERVER IDENTITY 1\n"
_CARD_BYTES = 64

Seal = Callable[[bytes], bytes]


def new_token() -> bytes:
    """Return a token for a tenant, to be handed over in private: 32 random bytes."""
    return secrets.token_bytes(TOKEN_BYTES)


@dataclass(frozen=True)
class Card:
    """The public halves of a server's keys: what a client has to know of it, and where it should not trust the wire.

    Args:
        signing: Ed25519 public key, 32 bytes.
        agreement: X25519 public key, 32 bytes.
    """

    signing: bytes
    agreement: bytes

    @property
    def raw(self) -> bytes:
        """Both keys, 64 bytes."""
        return self.signing + self.agreement

    @property
    def fingerprint(self) -> str:
        """SHA-256 of both keys, in hexadecimal: to be compared by another way than the wire."""
        return hashlib.sha256(self.raw).hexdigest()

    def check(self, covered: bytes | memoryview, signature: bytes | memoryview) -> None:
        """Check that the server signed these bytes.

        Raises:
            BadEnvelope: it did not.
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.signing).verify(bytes(signature), _signed(covered))
        except (InvalidSignature, ValueError):
            raise BadEnvelope(
                "the signature of the server's message does not hold",
                why="it was altered on its way, or another server answered",
                fix="check the server's address, and its fingerprint with its operator",
            ) from None


def card_of(data: bytes | memoryview) -> Card:
    """Return the card of 64 bytes.

    Raises:
        BadEnvelope: another number of bytes.
    """
    if len(data) != _CARD_BYTES:
        raise BadEnvelope(f"a server's card of {len(data)} bytes, where {_CARD_BYTES} are expected")
    return Card(bytes(data[:32]), bytes(data[32:]))


@dataclass(frozen=True)
class Identity:
    """A server's secret keys, to sign and to agree. They open no ciphertext.

    Args:
        signing: Ed25519 private key.
        agreement: X25519 private key.
    """

    signing: Ed25519PrivateKey = field(repr=False)
    agreement: X25519PrivateKey = field(repr=False)

    @property
    def card(self) -> Card:
        """The public halves."""
        return Card(self.signing.public_key().public_bytes_raw(), self.agreement.public_key().public_bytes_raw())

    def sign(self, covered: bytes) -> bytes:
        """Return the signature of these bytes, 64 bytes."""
        return self.signing.sign(_signed(covered))

    def agree(self, public: bytes) -> bytes:
        """Return what only the server and the owner of this X25519 key know, 32 bytes.

        Raises:
            WrongKey: a key of small order, with which everybody would agree.
        """
        return _agreed(self.agreement, public)

    def save(self, path: Path) -> None:
        """Write the secret keys to a file that nobody but its owner may read.

        Raises:
            CasemateError: the file cannot be written.
        """
        try:
            with written_whole(path, private=True) as file:
                file.write(_FILE + self.signing.private_bytes_raw() + self.agreement.private_bytes_raw())
        except OSError as error:
            raise unwritable(error, path) from error


def new_identity() -> Identity:
    """Return the keys of a new server."""
    return _identity(secrets.token_bytes(32), secrets.token_bytes(32))


def load_identity(path: Path) -> Identity:
    """Return the keys that `Identity.save` wrote.

    Raises:
        KeyMissing: there is no such file.
        KeyStoreUnreadable: it is damaged, or another file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(len(_FILE) + 65)
    except OSError as error:
        fix = "make one: casemate encrypt identity create"
        raise KeyMissing(f"the server's identity cannot be read: {error.strerror}", where=str(path), fix=fix) from error
    if len(data) != len(_FILE) + 64 or not data.startswith(_FILE):
        raise KeyStoreUnreadable("this is not a server's identity", where=str(path), fix="restore it from a copy")
    keys = data[len(_FILE) :]
    return _identity(keys[:32], keys[32:])


def new_agreement() -> bytes:
    """Return a client's X25519 private key, 32 bytes."""
    return secrets.token_bytes(AGREEMENT_BYTES)


def public_agreement(private: bytes) -> bytes:
    """Return the public half of a client's X25519 key, 32 bytes."""
    return _x25519(private).public_key().public_bytes_raw()


def agree_with(private: bytes, card: Card) -> bytes:
    """Return what only this client and the server know, 32 bytes.

    Raises:
        WrongKey: the card holds a key of small order.
    """
    return _agreed(_x25519(private), card.agreement)


def key_fingerprint(chain: bytes, agreement: bytes, mark: bytes) -> bytes:
    """Return what a client's key is named by, 32 bytes: nobody can register another key under the same name.

    Args:
        chain: digest of the parameters, 32 bytes.
        agreement: X25519 public key, 32 bytes.
        mark: what only the owner can make of the secret key, 32 bytes; see `secret_mark`.
    """
    return hashlib.sha256(b"casemate client key 1" + chain + agreement + mark).digest()


def secret_mark(private: bytes, secret: bytes) -> bytes:
    """Return 32 bytes by which a client tells its secret keys apart; they say nothing of the key to anybody else.

    Args:
        private: the client's X25519 private key.
        secret: the secret key, serialised.
    """
    return hmac.digest(private, b"casemate secret key 1" + secret, "sha256")


def upload_key(agreed: bytes, token: bytes, program: bytes, key: bytes) -> bytes:
    """Return the key under which a client seals its registration, 32 bytes.

    Args:
        agreed: see `Identity.agree` and `agree_with`.
        token: the tenant's.
        program: digest of the program, 32 bytes.
        key: fingerprint of the client's key, 32 bytes.
    """
    return _derived(agreed, token, b"upload" + program + key)


def query_key(agreed: bytes, token: bytes, program: bytes, key: bytes, session: bytes) -> bytes:
    """Return the key under which a client seals its queries, 32 bytes; see `upload_key`.

    Args:
        session: what the server drew at random when it took the registration, so that queries of an earlier one, which
            it may have forgotten, are not authentic any more.
    """
    return _derived(agreed, token, b"query" + program + key + session)


def mac(key: bytes, covered: bytes | memoryview) -> bytes:
    """Return the HMAC-SHA-256 of these bytes, 32 bytes."""
    return hmac.digest(key, covered, "sha256")


def mac_holds(key: bytes, covered: memoryview, seal: memoryview) -> bool:
    """Return whether a seal is the MAC of these bytes; in the same time whichever byte is wrong."""
    return hmac.compare_digest(mac(key, covered), bytes(seal))


def _derived(agreed: bytes, token: bytes, told: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), MAC_BYTES, salt=token, info=b"casemate encrypted service 1 " + told).derive(agreed)


def _signed(covered: bytes | memoryview) -> bytes:
    """What is signed: the SHA-256, since Ed25519 itself would read a long message twice, by the slower SHA-512."""
    return b"casemate encrypted service 1 signature" + hashlib.sha256(covered).digest()


def _identity(signing: bytes, agreement: bytes) -> Identity:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Identity(Ed25519PrivateKey.from_private_bytes(signing), _x25519(agreement))


def _x25519(private: bytes) -> X25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(private)


def _agreed(private: X25519PrivateKey, public: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise WrongKey("an X25519 key with which everybody would agree", fix="make new keys") from None
