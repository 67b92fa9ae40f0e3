"""A key store in one file, sealed under a passphrase or under a key that a cloud service keeps."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from casemate.controls.encryption import wrapping
from casemate.controls.encryption.document import Change, Document
from casemate.controls.encryption.key_store import KeyInfo, Shredding, checked
from casemate.controls.encryption.whole import wipe, written_whole
from casemate.core.errors import KeyMissing, KeyRefused, KeyStoreDown, KeyStoreUnreadable
from casemate.core.locking import PATIENCE, locked

LARGEST = 1 << 26
"""Bytes that the file may have."""

_FORMAT = "casemate-keys"
_NONCE = 12


class Root(Protocol):
    """Whatever gives the key that a key store's file is sealed under."""

    kind: str

    def renewed(self, held: Mapping[str, Any] | None) -> tuple[dict[str, Any], bytes]:
        """Return what a file that is about to be written says of its key, and the key.

        Args:
            held: what the file said before; None for a new one.
        """

    def opened(self, held: Mapping[str, Any]) -> bytes:
        """Return the key of a file from what the file says of it."""


class FileStore:
    """Keys in a file: a line that says how it is sealed, then all keys under AES-256-GCM.

    The file is made with the first key. It is read anew each time, so that a key that another process shredded is gone
    here, too; it is written whole or not at all, by one process at a time, for its owner's eyes only.

    Args:
        path: of the file.
        root: what it is sealed under.
        uri: what to call it.
    """

    def __init__(self, path: Path, root: Root, uri: str | None = None) -> None:
        self.path = path
        self.uri = uri or f"file:{path}"
        self._root = root

    def create(self, name: str) -> KeyInfo:
        """Make a key; see `KeyStore.create`."""
        checked(name)
        return self._change(lambda keys: keys.created(name, self.uri), may_be_new=True).info(name)

    def list(self) -> tuple[KeyInfo, ...]:
        """Return the keys that there are, by name."""
        keys = self._read()[1]
        return tuple(keys.info(name) for name in keys.keys)

    def rotate(self, name: str) -> KeyInfo:
        """Make a new version of a key; see `KeyStore.rotate`."""
        return self._change(lambda keys: keys.rotated(checked(name), self.uri)).info(name)

    def shred(self, name: str, reason: str = "") -> Shredding:
        """Destroy a key; see `KeyStore.shred`. The bytes of the old file are overwritten.

        A copy of the file that was made before, together with its passphrase, still holds the key: destroy copies, too.
        """
        checked(name)
        return self._change(lambda keys: keys.without(name, self.uri, reason)[0], wiped=True).shredded[-1]

    def shreddings(self) -> tuple[Shredding, ...]:
        """Return the records of the keys that were destroyed, in order of time."""
        return self._read()[1].shredded

    def get(self, name: str, version: int | None = None) -> bytes:
        """Return a key's secret; see `KeyStore.get`."""
        return self._read()[1].secret(checked(name), version, self.uri)[1]

    def wrap(self, name: str, secret: bytes, context: bytes = b"") -> str:
        """Return a secret sealed under a key; see `KeyStore.wrap`."""
        version, key = self._read()[1].secret(checked(name), None, self.uri)
        return wrapping.wrap(key, name, version, secret, context)

    def unwrap(self, name: str, wrapped: str, context: bytes = b"") -> bytes:
        """Return what was sealed; see `KeyStore.unwrap`."""
        version = wrapping.version_of(wrapped, name)
        _, key = self._read()[1].secret(checked(name), version, self.uri)
        return wrapping.unwrap(key, name, version, wrapped, context)

    def _change(self, change: Change, *, may_be_new: bool = False, wiped: bool = False) -> Document:
        if not self.path.exists() and not may_be_new:
            raise self._absent()
        try:
            with locked(self.path, self._busy()):
                held, keys = self._read() if self.path.exists() else (None, Document())
                changed = change(keys)
                self._write(held, changed, wiped)
                return changed
        except OSError as error:
            raise KeyRefused(
                f"the key store cannot be written: {error.strerror or error}",
                where=str(self.path),
                why="nothing was changed",
                fix="make room, or the folder writable, and try again",
            ) from error

    def _busy(self) -> KeyStoreDown:
        return KeyStoreDown(
            f"another process has been changing the key store for {PATIENCE:.0f} s",
            where=str(self.path),
            why="two changes at once could lose a key",
            fix="wait for it, or end it, and try again",
        )

    def _read(self) -> tuple[dict[str, Any], Document]:
        """What the file says of its key, and the keys in it."""
        try:
            before, raw = self._bytes()
            try:
                return self._opened(raw)
            except KeyStoreUnreadable:
                if self.path.stat().st_ino == before:  # else it was replaced, and wiped, while it was read
                    raise
                return self._opened(self._bytes()[1])
        except FileNotFoundError:
            raise self._absent() from None
        except OSError as error:
            raise KeyRefused(f"the key store cannot be read: {error.strerror}", where=str(self.path)) from error

    def _bytes(self) -> tuple[int, bytes]:
        with self.path.open("rb") as file:
            facts = os.fstat(file.fileno())
            if facts.st_size > LARGEST:
                raise self._damaged(f"it has {facts.st_size:,} bytes, and no key store has more than {LARGEST:,}")
            return facts.st_ino, file.read(facts.st_size)

    def _opened(self, raw: bytes) -> tuple[dict[str, Any], Document]:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        line, _, sealed = raw.partition(b"\n")
        root = self._root_of(line)
        key = self._root.opened(root)
        try:
            body = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], line)
            return root, msgspec.json.decode(body, type=Document)
        except (InvalidTag, ValueError, msgspec.DecodeError):
            raise self._damaged("its content was altered, or cut off") from None

    def _root_of(self, line: bytes) -> dict[str, Any]:
        try:
            said = json.loads(line)
            form, root = said[_FORMAT], said["root"]
            kind = root["kind"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise self._damaged("it does not begin as one does") from None
        if form != 1:
            raise self._damaged(f"it is of format {form!r}, and this version of Casemate knows format 1")
        if kind != self._root.kind:
            raise KeyRefused(
                f"the key store is sealed by {kind}, not by {self._root.kind}",
                where=str(self.path),
                fix="open it with the address that it was made with: file:... or kms:...",
            )
        return dict(root)

    def _write(self, held: Mapping[str, Any] | None, keys: Document, wiped: bool) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        root, key = self._root.renewed(held)
        line = json.dumps({_FORMAT: 1, "root": root}).encode()
        nonce = secrets.token_bytes(_NONCE)
        sealed = AESGCM(key).encrypt(nonce, msgspec.json.encode(keys), line)
        old = os.open(self.path, os.O_RDWR) if wiped and os.name == "posix" else None
        try:
            with written_whole(self.path, private=True) as file:
                file.write(line + b"\n" + nonce + sealed)
            if old is not None:
                wipe(old)
        finally:
            if old is not None:
                os.close(old)

    def _absent(self) -> KeyMissing:
        what = "there is no key store yet"
        return KeyMissing(what, where=str(self.path), fix="make its first key: casemate keys create NAME")

    def _damaged(self, how: str) -> KeyStoreUnreadable:
        return KeyStoreUnreadable(
            f"the key store is damaged: {how}",
            where=str(self.path),
            why="without it nothing that its keys sealed can be read",
            fix="restore the file from a copy",
        )
