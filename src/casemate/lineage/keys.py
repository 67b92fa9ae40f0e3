"""Keys of an installation: one secret, from which the keys for tokens, for files and for receipts are derived."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.core.errors import LineageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_BYTES = 32
FILE = "key"

Provider = Callable[[], bytes]
"""Returns the secret, at least 32 bytes, wherever it is kept."""


class Keys:
    """The keys of an installation.

    Args:
        provider: returns its secret; asked once, when a key is needed first.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    @cached_property
    def secret(self) -> bytes:
        """The secret. Raises LineageError where it is too short."""
        secret = self._provider()
        if len(secret) < SECRET_BYTES:
            raise LineageError(
                f"the key of the lineage has {len(secret)} bytes",
                why=f"it needs {SECRET_BYTES} at least; a short one can be guessed",
                fix="restore it from a backup",
            )
        return secret

    def derive(self, use: str, salt: bytes = b"", length: int = 32) -> bytes:
        """Return the key for one use; other uses or salts give keys that have nothing to do with it.

        Source: HKDF-SHA256, RFC 5869.
        """
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), length, salt or None, f"casemate lineage {use}".encode()).derive(self.secret)

    @cached_property
    def signing(self) -> Ed25519PrivateKey:
        """The key that signs receipts."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.derive("receipts"))

    @cached_property
    def public(self) -> str:
        """The public half of the key that signs receipts, in hexadecimal."""
        return self.signing.public_key().public_bytes_raw().hex()


def key_file(folder: Path) -> Provider:
    """Return a provider that keeps the secret in a file that its owner alone may read; made when it is asked first.

    Raises (when asked):
        LineageError: the file can be read by others, or cannot be written.
    """
    path = folder / FILE

    def provide() -> bytes:
        try:
            if not path.exists():
                _make(path)
            _check(path)
            return path.read_bytes()
        except OSError as error:
            raise LineageError(
                f"the key of the lineage cannot be read: {error.strerror}",
                where=str(path),
                why="without it nobody can be found in the data",
                fix="give yourself the right to read it, or restore it from a backup",
            ) from None

    return provide


def _make(path: Path) -> None:
    """Write a new secret; of two processes that do so at once, the first has its way."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    opened = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(opened, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink(missing_ok=True)


def _check(path: Path) -> None:
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise LineageError(
            "the key of the lineage can be read by others",
            where=str(path),
            why="whoever has it can find people in the data and sign receipts",
            fix=f"chmod 600 {path}",
        )
