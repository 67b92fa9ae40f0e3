"""Key cache: what each client registered, once: its evaluation keys, and the key that its queries are sealed with."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import msgspec

from casemate.controls.encrypted_service.replay import Clock
from casemate.controls.encrypted_service.shelves import MemoryShelf, Shelf
from casemate.core.errors import QuotaSpent, StoreDamaged, WrongKey

LIFETIME = 30 * 86_400
"""Seconds that a registration is valid for."""

NUMBER = 1_000
BYTES = 4 << 30
"""What a tenant may have registered at a time."""

_RECORD, _KEYS = ".registration", ".keys"


class Registration(msgspec.Struct, frozen=True):
    """A client's key, registered for a program.

    Args:
        tenant: who registered it.
        program: digest of the program, in hexadecimal.
        key: fingerprint of the client's key, in hexadecimal.
        mac: the key that its queries are sealed with.
        keys: SHA-256 of parameters and evaluation keys, in hexadecimal; empty where the program needs none.
        size: bytes of the evaluation keys.
        expiry: the second, since 1970, until which it is valid.
    """

    tenant: str
    program: str
    key: str
    mac: bytes
    keys: str
    size: int
    expiry: int

    def __repr__(self) -> str:
        return f"Registration({self.tenant!r}, program={self.program[:8]}, key={self.key[:8]}, expiry={self.expiry})"


class KeyCache:
    """Registrations and evaluation keys, with what a tenant may have of them.

    Args:
        shelf: where they are; in memory by default.
        number, size: registrations, and bytes of evaluation keys, that a tenant may have.
        lifetime: seconds that a registration is valid for.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        shelf: Shelf | None = None,
        *,
        number: int = NUMBER,
        size: int = BYTES,
        lifetime: int = LIFETIME,
        clock: Clock = time.time,
    ) -> None:
        self.shelf = shelf if shelf is not None else MemoryShelf()
        self.lifetime = lifetime
        self._number, self._size = number, size
        self._clock = clock

    def put(self, registration: Registration, keys: bytes | memoryview) -> None:
        """Keep a registration, in place of an earlier one of the same key for the same program.

        Raises:
            QuotaSpent: the tenant has too many already.
            CasemateError: it cannot be written.
        """
        tenant = registration.tenant
        with self.shelf.alone(tenant):
            held = [other for other in self._valid(tenant) if _name(other) != _name(registration)]
            self._check(held, registration)
            if registration.keys and self.shelf.read(tenant, registration.keys + _KEYS) is None:
                self.shelf.write(tenant, registration.keys + _KEYS, bytes(keys))
            self.shelf.write(tenant, _name(registration), msgspec.json.encode(registration))
            self._sweep(tenant, {other.keys + _KEYS for other in (*held, registration)})

    def find(self, tenant: str, program: str, key: str) -> Registration | None:
        """Return a registration that is still valid; None where there is none."""
        found = self._read(tenant, _file(program, key))
        return found if found is not None and found.expiry >= self._clock() else None

    def keys(self, registration: Registration) -> bytes | Path | None:
        """Return the evaluation keys of a registration, or the file that holds them; None where it needs none.

        Raises:
            WrongKey: they are gone.
        """
        if not registration.keys:
            return None
        name = registration.keys + _KEYS
        held = self.shelf.path(registration.tenant, name) or self.shelf.read(registration.tenant, name)
        if held is None or (isinstance(held, Path) and not held.exists()):
            raise WrongKey("the evaluation keys of this registration are gone", fix="register again")
        return held

    def forget(self, registration: Registration) -> None:
        """Delete a registration, and its evaluation keys where no other one uses them."""
        tenant = registration.tenant
        with self.shelf.alone(tenant):
            self.shelf.delete(tenant, _name(registration))
            self._sweep(tenant, {other.keys + _KEYS for other in self._valid(tenant)})

    def _valid(self, tenant: str) -> list[Registration]:
        """A tenant's registrations; those that are past their time are deleted."""
        found = []
        for name in self.shelf.names(tenant):
            if name.endswith(_RECORD) and (held := self._read(tenant, name)) is not None:
                if held.expiry >= self._clock():
                    found.append(held)
                else:
                    self.shelf.delete(tenant, name)
        return found

    def _read(self, tenant: str, name: str) -> Registration | None:
        data = self.shelf.read(tenant, name)
        try:
            held = msgspec.json.decode(data, type=Registration) if data is not None else None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StoreDamaged(f"a registration cannot be read: {error}", where=name, fix="delete the file") from error
        if held is not None and (held.tenant != tenant or _name(held) != name):
            raise StoreDamaged("a registration lies where another one belongs", where=name, fix="delete the file")
        return held

    def _check(self, held: list[Registration], new: Registration) -> None:
        if len(held) >= self._number:
            raise QuotaSpent(
                f"the tenant has {len(held):,} keys registered, and may have {self._number:,}",
                fix="wait until some are past their time, or have the operator delete some",
            )
        sizes = {other.keys: other.size for other in (*held, new)}
        if sum(sizes.values()) > self._size:
            raise QuotaSpent(
                f"evaluation keys of {sum(sizes.values()):,} bytes in all, where the tenant may have {self._size:,}",
                fix="wait until some are past their time, or have the operator delete some",
            )

    def _sweep(self, tenant: str, used: set[str]) -> None:
        for name in self.shelf.names(tenant):
            if name.endswith(_KEYS) and name not in used:
                self.shelf.delete(tenant, name)


def keys_digest(chain: bytes, keys: bytes | memoryview) -> str:
    """Return what evaluation keys are cached by: SHA-256 of the digest of the parameters, and of the keys."""
    taken = hashlib.sha256(chain)
    taken.update(keys)
    return taken.hexdigest()


def _file(program: str, key: str) -> str:
    return hashlib.sha256(f"{program}/{key}".encode()).hexdigest() + _RECORD


def _name(registration: Registration) -> str:
    return _file(registration.program, registration.key)
