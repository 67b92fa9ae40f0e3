"""Tenants: who may ask a server, each with a token, in a file that nobody but the server's operator may read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from casemate.controls.encrypted_service.signing import TOKEN_BYTES
from casemate.controls.encryption.whole import unwritable, written_whole
from casemate.core.errors import KeyMissing, KeyStoreUnreadable, OutOfRange

LARGEST = 1 << 26
"""Bytes of a file, at most."""

_NAME = re.compile(r"[!-~]{1,128}")


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    casemate_tenants: int
    tokens: dict[str, str]


def check_tenant(name: str) -> None:
    """Raise OutOfRange where a name could not travel in a header."""
    if not _NAME.fullmatch(name):
        raise OutOfRange(f"{name!r} is no name of a tenant", fix="1 to 128 letters, digits and signs of ASCII")


def read_tenants(path: Path) -> dict[str, bytes]:
    """Return the token of each tenant, by name.

    Raises:
        KeyMissing: there is no such file.
        KeyStoreUnreadable: it is damaged, or another file.
    """
    data = _read(path)
    try:
        file = msgspec.json.decode(data, type=_File)
        tokens = {name: _token(text) for name, text in file.tokens.items()}
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, ValueError):
        raise KeyStoreUnreadable(
            "this is not a file of tenants", where=str(path), fix="restore it from a copy"
        ) from None
    if file.casemate_tenants != 1:
        raise KeyStoreUnreadable(
            f"a file of tenants of format {file.casemate_tenants}", where=str(path), fix="update Casemate"
        )
    return tokens


def write_tenants(path: Path, tokens: Mapping[str, bytes]) -> None:
    """Write the tokens of all tenants, by name.

    Raises:
        CasemateError: the file cannot be written.
    """
    file = _File(1, {name: token.hex() for name, token in sorted(tokens.items())})
    _write(path, msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n")


def write_token(path: Path, token: bytes) -> None:
    """Write the token of one tenant, to be handed over.

    Raises:
        CasemateError: the file cannot be written.
    """
    _write(path, token.hex().encode() + b"\n")


def read_token(path: Path) -> bytes:
    """Return the token that a tenant was given.

    Raises:
        KeyMissing: there is no such file.
        KeyStoreUnreadable: it holds none.
    """
    try:
        return _token(_read(path).decode().strip())
    except ValueError:
        raise KeyStoreUnreadable(
            "the file holds no token", where=str(path), fix="ask the server's operator for another one"
        ) from None


def _token(text: str) -> bytes:
    token = bytes.fromhex(text)
    if len(token) != TOKEN_BYTES:
        raise ValueError(f"a token of {len(token)} bytes")
    return token


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        fix = "the server's operator makes it: casemate encrypt tenants add NAME"
        raise KeyMissing(f"the file cannot be read: {error.strerror}", where=str(path), fix=fix) from error
    if len(data) > LARGEST:
        raise KeyStoreUnreadable(f"a file of more than {LARGEST:,} bytes", where=str(path))
    return data


def _write(path: Path, data: bytes) -> None:
    try:
        with written_whole(path, private=True) as file:
            file.write(data)
    except OSError as error:
        raise unwritable(error, path) from error
