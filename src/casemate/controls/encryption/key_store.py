"""Key stores: what all of them can do, whoever holds the keys."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from casemate.core.errors import KeyExists, KeyMissing, KeyShredded, SecretError, did_you_mean

SECRET_BYTES = 32
"""Bytes of a key's secret."""

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?")


@dataclass(frozen=True)
class KeyInfo:
    """What may be told of a key.

    Args:
        name: what it is called.
        version: the newest; versions count from 1, and older ones still open what they sealed.
        created, rotated: when its first and its newest version were made: ISO 8601, UTC.
    """

    name: str
    version: int
    created: str
    rotated: str


@dataclass(frozen=True)
class Shredding:
    """The record that a key was destroyed: what it sealed is unreadable from then on.

    Args:
        name: what the key was called.
        versions: how many of its versions were destroyed: all.
        when: ISO 8601, UTC.
        reason: why, in the words of whoever did it.
        store: where the key was kept.
    """

    name: str
    versions: int
    when: str
    reason: str
    store: str


class KeyStore(Protocol):
    """Keeps keys by name, in versions. Whatever may fail raises a `SecretError` of the fitting kind."""

    @property
    def uri(self) -> str:
        """Where the keys are kept, without secrets."""

    def create(self, name: str) -> KeyInfo:
        """Make a key.

        Raises:
            KeyExists: there is one of that name.
            KeyShredded: there was one; its name is not given again.
        """

    def list(self) -> tuple[KeyInfo, ...]:
        """Return the keys that there are, by name."""

    def rotate(self, name: str) -> KeyInfo:
        """Make a new version of a key, which seals from now on; older ones still open what they sealed.

        Raises:
            KeyMissing, KeyShredded: there is no such key, or no more.
        """

    def shred(self, name: str, reason: str = "") -> Shredding:
        """Destroy a key with all its versions; nobody can bring it back.

        Raises:
            KeyMissing, KeyShredded: there is no such key, or no more.
        """

    def shreddings(self) -> tuple[Shredding, ...]:
        """Return the records of the keys that were destroyed, where the store keeps them; in order of time."""

    def get(self, name: str, version: int | None = None) -> bytes:
        """Return a key's secret, 32 bytes: the master that `derive_key` takes.

        Args:
            name: of the key.
            version: the newest where None.

        Raises:
            KeyMissing, KeyShredded: there is no such key or version, or no more.
        """

    def wrap(self, name: str, secret: bytes, context: bytes = b"") -> str:
        """Return a secret sealed under the newest version of a key, as ASCII text.

        Args:
            name: of the key.
            secret: at most 32 KiB.
            context: what the secret is for; `unwrap` must be given the same.

        Raises:
            KeyMissing, KeyShredded: there is no such key, or no more.
        """

    def unwrap(self, name: str, wrapped: str, context: bytes = b"") -> bytes:
        """Return what `wrap` sealed.

        Raises:
            KeyMissing, KeyShredded: there is no such key or version, or no more.
            SealBroken: another key's, for another context, or altered.
        """


def checked(name: str) -> str:
    """Return the name of a key, if it is one that every key store can take.

    Raises:
        SecretError: it is not.
    """
    if not _NAME.fullmatch(name):
        raise SecretError(
            f"{name!r} is no name of a key",
            why="a name has 1 to 128 letters, digits, dots, dashes and underscores; neither dot nor dash at an end",
            fix=f"take for example {key_name(name) or 'crm.people'!r}",
        )
    return name


def key_name(*parts: str) -> str:
    """Return a name for the key of something, such as a data set and a group of columns: ``crm.people.pii``."""
    joined = ".".join(re.sub(r"[^A-Za-z0-9_.-]+", "-", part) for part in parts)
    return joined.strip(".-")[:128].strip(".-")


def pseudonym_master(store: KeyStore, dataset: str) -> bytes:
    """Return the secret that a data set's pseudonyms are derived from: that of its key's first version.

    Rotating the key seals new data under a new version; pseudonyms are renewed by a new key epoch of a purpose, else
    those that are in use could not be turned back any more.

    Raises:
        SecretError: the key cannot be had.
    """
    return store.get(key_name(dataset), version=1)


def missing(name: str, store: str, known: Iterable[str], version: int | None = None) -> KeyMissing:
    """Return the error that there is no such key, or not in that version."""
    known = tuple(known)
    if version is not None and name in known:
        return KeyMissing(f"the key {name!r} has no version {version}", where=store, fix="casemate keys list")
    return KeyMissing(
        f"there is no key {name!r}.{did_you_mean(name, known)}",
        where=store,
        fix=f"casemate keys list, or casemate keys create {name}",
    )


def shredded(record: Shredding) -> KeyShredded:
    """Return the error that a key is gone for good."""
    reason = f" ({record.reason})" if record.reason else ""
    return KeyShredded(
        f"the key {record.name!r} was shredded on {record.when}{reason}",
        where=record.store,
        why="what it sealed cannot be read by anybody, and its name is not given again",
        fix="for new data, make a key of another name: casemate keys create NAME",
    )


def taken(name: str, store: str) -> KeyExists:
    """Return the error that there is a key of that name."""
    return KeyExists(f"there is a key {name!r} already", where=store, fix=f"casemate keys rotate {name}")
