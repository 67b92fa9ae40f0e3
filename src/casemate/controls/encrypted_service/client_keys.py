"""A client's keys: the secret key, and the one that it agrees with servers by; in a file under a passphrase."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from casemate.controls.encrypted_service.signing import (
    AGREEMENT_BYTES,
    key_fingerprint,
    new_agreement,
    public_agreement,
    secret_mark,
)
from casemate.controls.encryption.passphrase import Passphrase, PassphraseRoot, from_environment
from casemate.controls.encryption.whole import unwritable, written_whole
from casemate.controls.homomorphic.chain import Chain, Scheme
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.secret_keys import SecretKeys
from casemate.controls.homomorphic.seeds import SeedChain
from casemate.core.errors import CasemateError, KeyMissing, KeyStoreUnreadable

LARGEST = 1 << 24
"""Bytes that a file of keys may have."""

_NONCE = 12
_LONGEST_LINE = 1 << 14
_SCHEMES: Mapping[str, Scheme] = {"ckks": "ckks", "bfv": "bfv"}


@dataclass(frozen=True)
class ClientKeys:
    """What only the client has.

    Args:
        secret: opens ciphertexts.
        agreement: X25519 private key.
    """

    secret: SecretKeys = field(repr=False)
    agreement: bytes = field(repr=False)

    @property
    def chain(self) -> Chain:
        """The parameters that the secret key is for."""
        return self.secret.chain

    @cached_property
    def owner(self) -> bytes:
        """What a registration begins with: the public X25519 key, and a mark of the secret key, 64 bytes."""
        return public_agreement(self.agreement) + secret_mark(self.agreement, self.secret.to_bytes())

    @cached_property
    def fingerprint(self) -> bytes:
        """What names the keys in messages, 32 bytes; another one for another secret key."""
        return key_fingerprint(bytes.fromhex(self.chain.digest), self.owner[:32], self.owner[32:])


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file of keys says of itself, for everybody to read."""

    casemate_client_keys: int
    root: Mapping[str, Any]
    scheme: str
    degree: int
    primes: tuple[str, ...]
    plain: str


def new_client_keys(chain: Chain) -> ClientKeys:
    """Return new keys for programs with these parameters."""
    return ClientKeys(SecretKeys.generate(Context(chain), SeedChain().take), new_agreement())


def save_client_keys(keys: ClientKeys, path: Path, passphrase: Passphrase = from_environment) -> None:
    """Write keys to a file, sealed under a passphrase by scrypt and AES-256-GCM.

    Raises:
        KeyRefused: no passphrase, or one that is too short.
        CasemateError: the file cannot be written.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    root, key = PassphraseRoot(passphrase).renewed(None)
    chain = keys.chain
    told = _Line(1, root, chain.scheme, chain.degree, tuple(map(str, chain.primes)), str(chain.plain))
    line, nonce = msgspec.json.encode(told), secrets.token_bytes(_NONCE)
    sealed = AESGCM(key).encrypt(nonce, keys.agreement + keys.secret.to_bytes(), line)
    try:
        with written_whole(path, private=True) as file:
            file.write(line + b"\n" + nonce + sealed)
    except OSError as error:
        raise unwritable(error, path) from error


def load_client_keys(path: Path, passphrase: Passphrase = from_environment) -> ClientKeys:
    """Return the keys that `save_client_keys` wrote.

    Args:
        path: of the file.
        passphrase: gives it, when it is needed.

    Raises:
        KeyMissing: there is no such file.
        KeyRefused: no passphrase, or a wrong one.
        KeyStoreUnreadable: the file is damaged, or another one.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    data = _read(path)
    line, _, sealed = data.partition(b"\n")
    told = _told(line, path)
    key = PassphraseRoot(passphrase).opened(told.root)
    try:
        plain = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], line)
    except (InvalidTag, ValueError):
        raise _damaged(path, "its content was altered, or cut off") from None
    try:
        chain = Chain(_SCHEMES[told.scheme], told.degree, tuple(map(int, told.primes)), int(told.plain))
        return ClientKeys(
            SecretKeys.from_bytes(Context(chain), plain[AGREEMENT_BYTES:], SeedChain().take), plain[:AGREEMENT_BYTES]
        )
    except (CasemateError, ValueError, KeyError) as error:
        raise _damaged(path, f"its keys make no sense: {error}") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        fix = "make keys first: casemate encrypt keys"
        raise KeyMissing(f"the keys cannot be read: {error.strerror}", where=str(path), fix=fix) from error
    if len(data) > LARGEST:
        raise _damaged(path, f"it has more than {LARGEST:,} bytes")
    return data


def _told(line: bytes, path: Path) -> _Line:
    try:
        told = msgspec.json.decode(line[:_LONGEST_LINE], type=_Line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _damaged(path, "it does not begin as one does") from None
    if told.casemate_client_keys != 1:
        version = told.casemate_client_keys
        raise _damaged(path, f"it is of format {version}, and this version of Casemate knows format 1")
    return told


def _damaged(path: Path, how: str) -> KeyStoreUnreadable:
    return KeyStoreUnreadable(
        f"the file of keys is damaged: {how}",
        where=str(path),
        why="without it no reply to its queries can be read",
        fix="restore the file from a copy, or make new keys and register them",
    )
