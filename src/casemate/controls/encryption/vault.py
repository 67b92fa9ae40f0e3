"""A key store in HashiCorp Vault's transit engine, or in whatever answers as it does (OpenBao): keys never leave it."""

from __future__ import annotations

import datetime
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

from casemate.controls.encryption.key_store import KeyInfo, Shredding, checked, missing, taken
from casemate.controls.encryption.vault_line import NotFound, Refused, VaultLine
from casemate.controls.encryption.wrapping import broken
from casemate.core.errors import KeyStoreUnreadable, SecretError

KIND = "aes256-gcm96"

_MASTER = b"casemate master key v1"
_WRAPPED = re.compile(r"vault:v[0-9]{1,9}:[A-Za-z0-9+/=]+")


class VaultStore:
    """Keys in a transit engine: wrapping and unwrapping happen on the server.

    The secret that `get` returns is the server's HMAC of a fixed text under the key, so that it is the same each time
    and goes with the key. The engine keeps no record of keys that were deleted: a shredded key is a missing one to it,
    and its name can be given again. Vault's audit log has the deletion, and lineage has ours.

    Args:
        address: see `VaultLine`.
    """

    def __init__(self, address: str) -> None:
        self.line = VaultLine(address)
        self.uri = f"vault:{self.line.address}"

    def create(self, name: str) -> KeyInfo:
        """Make a key; see `KeyStore.create`."""
        try:
            self._described(checked(name))
        except NotFound:
            self._send("POST", f"keys/{name}", {"type": KIND, "exportable": False})
            return self._info(name)
        raise taken(name, self.uri)

    def list(self) -> tuple[KeyInfo, ...]:
        """Return the keys that there are, by name; those of others in the engine, too."""
        return tuple(self._info(name) for name in self._names())

    def rotate(self, name: str) -> KeyInfo:
        """Make a new version of a key; see `KeyStore.rotate`."""
        self._info(checked(name))
        self._send("POST", f"keys/{name}/rotate", {})
        return self._info(name)

    def shred(self, name: str, reason: str = "") -> Shredding:
        """Destroy a key; see `KeyStore.shred`. The token's policy must allow to delete it, and to allow that."""
        versions = self._info(checked(name)).version
        self._send("POST", f"keys/{name}/config", {"deletion_allowed": True})
        self._send("DELETE", f"keys/{name}")
        when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return Shredding(name, versions, when, reason, self.uri)

    def shreddings(self) -> tuple[Shredding, ...]:
        """Return nothing: the engine keeps no such record."""
        return ()

    def get(self, name: str, version: int | None = None) -> bytes:
        """Return a key's secret; see `KeyStore.get`."""
        newest = self._info(checked(name)).version
        number = newest if version is None else version
        if not 1 <= number <= newest:
            raise missing(name, self.uri, [name], number)
        asked = {"input": _text(_MASTER), "key_version": number}
        said = str(self._send("POST", f"hmac/{name}", asked).get("hmac", ""))
        secret = self._bytes(said.rpartition(":")[2])
        if len(secret) != 32:
            raise self._nonsense()
        return secret

    def wrap(self, name: str, secret: bytes, context: bytes = b"") -> str:
        """Return a secret sealed under a key; see `KeyStore.wrap`."""
        self._info(checked(name))  # or the engine would make a key of that name
        wrapped = self._send("POST", f"encrypt/{name}", {"plaintext": _text(secret)} | _beside(context))
        text = str(wrapped.get("ciphertext", ""))
        if not _WRAPPED.fullmatch(text):
            raise self._nonsense()
        return text

    def unwrap(self, name: str, wrapped: str, context: bytes = b"") -> bytes:
        """Return what was sealed; see `KeyStore.unwrap`."""
        self._info(checked(name))
        if not _WRAPPED.fullmatch(wrapped):
            raise broken(name)
        try:
            opened = self.line.send("POST", f"decrypt/{name}", {"ciphertext": wrapped} | _beside(context))
        except (Refused, NotFound):
            raise broken(name) from None
        return self._bytes(opened.get("plaintext"))

    def _names(self) -> Sequence[str]:
        try:
            names = self.line.send("GET", "keys?list=true").get("keys", [])
        except NotFound:  # an engine without keys
            return []
        return sorted(str(name) for name in names) if isinstance(names, list) else []

    def _info(self, name: str) -> KeyInfo:
        try:
            said = self._described(name)
        except NotFound:
            raise missing(name, self.uri, self._names()) from None
        made = said.get("keys")
        newest = said.get("latest_version")
        if not isinstance(made, dict) or not isinstance(newest, int) or newest < 1:
            raise self._nonsense()
        times = {int(version): _time(when) for version, when in made.items() if str(version).isdecimal()}
        first, last = min(times, default=1), max(times, default=1)
        return KeyInfo(name, newest, times.get(first, ""), times.get(last, ""))

    def _described(self, name: str) -> dict[str, Any]:
        return self.line.send("GET", f"keys/{name}")

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            return self.line.send(method, path, body)
        except (Refused, NotFound) as refused:
            raise SecretError(
                f"the Vault server would not do it: {refused or 'nothing is there'}",
                where=f"{method} {self.line.address}/{path}",
                fix="check that the address ends in the path of a transit engine, and the key's settings there",
            ) from None

    def _bytes(self, text: Any) -> bytes:
        try:
            return b64decode(str(text), validate=True)
        except ValueError:
            raise self._nonsense() from None

    def _nonsense(self) -> KeyStoreUnreadable:
        fix = "check that the address is that of a Vault server's transit engine"
        return KeyStoreUnreadable("the Vault server's answer is not about a key", where=self.uri, fix=fix)


def _text(raw: bytes) -> str:
    return b64encode(raw).decode()


def _beside(context: bytes) -> dict[str, str]:
    return {"associated_data": _text(context)} if context else {}


def _time(when: Any) -> str:
    """When a version was made: seconds since 1970 for symmetric keys."""
    if isinstance(when, int):
        return datetime.datetime.fromtimestamp(when, datetime.UTC).isoformat(timespec="seconds")
    return str(when.get("creation_time", "")) if isinstance(when, dict) else str(when)
