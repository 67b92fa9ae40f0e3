"""The keys of a key store as one document: what is in it, and how it is changed. No files, no encryption."""

from __future__ import annotations

import datetime
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable

import msgspec

from casemate.controls.encryption.key_store import SECRET_BYTES, KeyInfo, Shredding, missing, shredded, taken


class Version(msgspec.Struct, frozen=True):
    """One version of a key: when it was made, and its secret in base64."""

    created: str
    secret: str


class Document(msgspec.Struct, frozen=True):
    """All keys by name, each with its versions in order, and the records of those that were destroyed."""

    keys: dict[str, tuple[Version, ...]] = {}
    shredded: tuple[Shredding, ...] = ()

    def created(self, name: str, store: str) -> Document:
        """Return the document with a new key.

        Raises:
            KeyExists, KeyShredded: there is, or was, one of that name.
        """
        self._refuse_shredded(name)
        if name in self.keys:
            raise taken(name, store)
        return self._with(name, (_version(),))

    def rotated(self, name: str, store: str) -> Document:
        """Return the document with one more version of a key.

        Raises:
            KeyMissing, KeyShredded: there is no such key, or no more.
        """
        return self._with(name, (*self.versions(name, store), _version()))

    def without(self, name: str, store: str, reason: str) -> tuple[Document, Shredding]:
        """Return the document without a key, and the record of that.

        Raises:
            KeyMissing, KeyShredded: there is no such key, or no more.
        """
        record = Shredding(name, len(self.versions(name, store)), _now(), reason, store)
        left = {other: versions for other, versions in self.keys.items() if other != name}
        return Document(left, (*self.shredded, record)), record

    def versions(self, name: str, store: str) -> tuple[Version, ...]:
        """Return the versions of a key.

        Raises:
            KeyMissing, KeyShredded: there is no such key, or no more.
        """
        if name not in self.keys:
            self._refuse_shredded(name)
            raise missing(name, store, self.keys)
        return self.keys[name]

    def secret(self, name: str, version: int | None, store: str) -> tuple[int, bytes]:
        """Return a version of a key, the newest where None, and its secret.

        Raises:
            KeyMissing, KeyShredded: there is no such key or version, or no more.
        """
        versions = self.versions(name, store)
        number = len(versions) if version is None else version
        if not 1 <= number <= len(versions):
            raise missing(name, store, self.keys, number)
        return number, b64decode(versions[number - 1].secret)

    def info(self, name: str) -> KeyInfo:
        """Return what may be told of a key."""
        versions = self.keys[name]
        return KeyInfo(name, len(versions), versions[0].created, versions[-1].created)

    def _with(self, name: str, versions: tuple[Version, ...]) -> Document:
        return Document(dict(sorted({**self.keys, name: versions}.items())), self.shredded)

    def _refuse_shredded(self, name: str) -> None:
        for record in self.shredded:
            if record.name == name:
                raise shredded(record)


Change = Callable[[Document], Document]


def _version() -> Version:
    return Version(_now(), b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
