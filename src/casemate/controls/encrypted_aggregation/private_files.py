"""What clients and holders keep to themselves, in files that nobody else can read.

A holder's file is written before anybody is told what it says: a holder that forgot what it had told would tell more
than it may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from casemate.controls.encrypted_aggregation.identity import Identity
from casemate.controls.encrypted_aggregation.key_holder import KeyHolder
from casemate.controls.encrypted_aggregation.plan import AggregationPlan
from casemate.controls.encrypted_aggregation.totals import Total
from casemate.controls.encryption.whole import unwritable, written_whole
from casemate.core.errors import KeyMissing, KeyStoreUnreadable

_MOST_IDENTITY = 1 << 12
_MOST_HOLDER = 1 << 31


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    secret: str


def store_identity(path: Path, identity: Identity) -> None:
    """Write an identity to a file.

    Raises:
        CasemateError: the file cannot be written.
    """
    _write(path, msgspec.json.encode(_Kept(identity.name, identity.secret.hex())) + b"\n")


def read_identity(path: Path) -> Identity:
    """Return the identity that a file holds.

    Raises:
        KeyMissing: there is no such file.
        KeyStoreUnreadable: it holds none.
        OutOfRange: a name or a secret that is none.
    """
    try:
        kept = msgspec.json.decode(_read(path, _MOST_IDENTITY), type=_Kept)
        secret = bytes.fromhex(kept.secret)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        raise KeyStoreUnreadable("the file holds no identity", where=str(path), fix="restore it from a copy") from None
    return Identity(kept.name, secret)


class HolderFile:
    """A holder whose memory is a file.

    Args:
        path: the file.
        holder: whose it is.
    """

    def __init__(self, path: Path, holder: KeyHolder) -> None:
        self.path, self.holder = path, holder

    @classmethod
    def new(cls, path: Path, plan: AggregationPlan, identity: Identity) -> HolderFile:
        """Make a new part of a key, and write it to the file; see `KeyHolder.new`."""
        made = cls(path, KeyHolder.new(plan, identity))
        made._store()
        return made

    @classmethod
    def read(cls, path: Path, plan: AggregationPlan, identity: Identity) -> HolderFile:
        """Return the holder that a file remembers; see `KeyHolder.restored`.

        Raises:
            KeyMissing: there is no such file.
            KeyStoreUnreadable: it holds no part of a key.
        """
        return cls(path, KeyHolder.restored(plan, identity, _read(path, _MOST_HOLDER)))

    def share(self, commitments: Mapping[str, bytes]) -> bytes:
        """Return the message that opens the holder's share, once that is on record; see `KeyHolder.share`."""
        told = self.holder.share(commitments)
        self._store()
        return told

    def part(
        self, total: Total, *, contributions: Iterable[bytes] | None, pay: Callable[[], object] | None = None
    ) -> bytes:
        """Return the holder's part of a decryption, once that is on record; see `KeyHolder.part`.

        The secret is no longer in the file then.
        """
        told = self.holder.part(total, contributions=contributions, pay=pay)
        self._store()
        return told

    def _store(self) -> None:
        _write(self.path, self.holder.data)


def _write(path: Path, data: bytes) -> None:
    try:
        with written_whole(path, private=True) as file:
            file.write(data)
    except OSError as error:
        raise unwritable(error, path) from error


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise KeyMissing(
            f"the file cannot be read: {error.strerror}", where=str(path), fix="check its name, or restore it"
        ) from error
    if len(data) > most:
        raise KeyStoreUnreadable(f"the file is larger than {most:,} bytes", where=str(path))
    return data
