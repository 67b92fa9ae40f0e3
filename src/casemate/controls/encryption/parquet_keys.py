"""The keys of a Parquet file: one for each column, sealed under the file's key for the group, sealed by the key store.

pyarrow asks for a key to be sealed or opened by the name of a group's key. The key store is asked once for each group:
it seals a 256-bit key for this file and group, and that key seals the columns'.
"""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from casemate.controls.encryption.wrapping import broken

if TYPE_CHECKING:
    from casemate.controls.encryption.key_store import KeyStore

_CONTEXT = b"casemate parquet v1"
_NONCE = 12


class GroupKeys:
    """Seals and opens the keys of one file's columns.

    Args:
        store: where the groups' keys are.
    """

    def __init__(self, store: KeyStore) -> None:
        self.store = store
        self._made: dict[str, tuple[str, bytes]] = {}
        self._opened: dict[tuple[str, str], bytes] = {}

    def wrap(self, column_key: bytes, group: str) -> str:
        """Return a column's key, sealed.

        Raises:
            SecretError: the group's key cannot be had.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if group not in self._made:
            made = secrets.token_bytes(32)
            self._made[group] = self.store.wrap(group, made, _CONTEXT), made
        sealed, key = self._made[group]
        nonce = secrets.token_bytes(_NONCE)
        return f"{sealed} {b64encode(nonce + AESGCM(key).encrypt(nonce, column_key, group.encode())).decode()}"

    def unwrap(self, wrapped: str, group: str) -> bytes:
        """Return a column's key.

        Raises:
            SecretError: the group's key cannot be had.
            SealBroken: it is another one, or the file was altered.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        sealed, _, rest = wrapped.partition(" ")
        if (group, sealed) not in self._opened:
            self._opened[group, sealed] = self.store.unwrap(group, sealed, _CONTEXT)
        try:
            raw = b64decode(rest, validate=True)
            return AESGCM(self._opened[group, sealed]).decrypt(raw[:_NONCE], raw[_NONCE:], group.encode())
        except (InvalidTag, ValueError):
            raise broken(group) from None


def factory(store: KeyStore) -> Any:
    """Return pyarrow's ``CryptoFactory`` over a key store, for one file; it remembers no key beyond that."""
    import pyarrow.parquet.encryption as pe

    keys = GroupKeys(store)

    class Client(pe.KmsClient):  # type: ignore[misc]
        """What pyarrow asks."""

        def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> str:
            """Seal a column's key."""
            return keys.wrap(key_bytes, master_key_identifier)

        def unwrap_key(self, wrapped_key: str | bytes, master_key_identifier: str) -> bytes:
            """Open a column's key."""
            text = wrapped_key.decode() if isinstance(wrapped_key, bytes) else wrapped_key
            return keys.unwrap(text, master_key_identifier)

    return pe.CryptoFactory(lambda _: Client())
