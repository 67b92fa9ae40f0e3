"""A passphrase, and the key that is made of it: what opens a key store in a file."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from casemate.core.errors import KeyRefused, KeyStoreUnreadable

VARIABLE = "CASEMATE_KEYS_PASSPHRASE"
"""Environment variable that holds the passphrase."""

SHORTEST = 8
"""Characters that the passphrase of a new key store must have."""

COST = 1 << 17
"""scrypt's N: 128 MiB and a few tenths of a second per guess (RFC 7914; the OWASP recommendation)."""

COSTS = (1 << 14, 1 << 21)
"""The least and the most that a file may ask for."""

_SALT = 16

Passphrase = Callable[[], str]


def from_environment(environment: Mapping[str, str] = os.environ) -> str:
    """Return the passphrase that the environment holds.

    Raises:
        KeyRefused: it holds none.
    """
    held = environment.get(VARIABLE, "")
    if not held:
        raise KeyRefused(
            "the key store needs its passphrase, and there is none",
            where=f"environment variable {VARIABLE}",
            why="passphrases are never read from files or arguments, where others could see them",
            fix=f"export {VARIABLE}=..., or run the command on a terminal, which asks for it",
        )
    return held


class PassphraseRoot:
    """Makes and finds the key of a key store's file from a passphrase, by scrypt.

    Args:
        passphrase: gives it, when it is needed; asked once.
    """

    kind = "scrypt"

    def __init__(self, passphrase: Passphrase = from_environment) -> None:
        self._ask = passphrase
        self._passphrase: bytes | None = None
        self._known: dict[tuple[str, int], bytes] = {}

    def renewed(self, held: Mapping[str, Any] | None) -> tuple[dict[str, Any], bytes]:
        """Return what the file says of its key, and the key itself; the same as before where there was one.

        Raises:
            KeyRefused: no passphrase, or for a new file one that is too short.
        """
        if held is not None:
            return dict(held), self.opened(held)
        if len(self._words()) < SHORTEST:
            self._passphrase = None
            raise KeyRefused(
                f"the passphrase of a new key store must have at least {SHORTEST} characters",
                why="whoever gets the file can try all shorter ones",
                fix="take several words that have nothing to do with each other",
            )
        salt = secrets.token_hex(_SALT)
        key, check = self._derived(salt, COST)
        return {"kind": self.kind, "salt": salt, "n": COST, "check": check}, key

    def opened(self, held: Mapping[str, Any]) -> bytes:
        """Return the key of a file from what the file says of it.

        Raises:
            KeyRefused: no passphrase, or a wrong one.
            KeyStoreUnreadable: the file asks for more work or less than any file of ours would.
        """
        salt, cost, check = held.get("salt"), held.get("n"), held.get("check")
        plausible = isinstance(cost, int) and COSTS[0] <= cost <= COSTS[1] and cost & (cost - 1) == 0
        if not plausible or not isinstance(salt, str) or len(salt) > 128:
            raise KeyStoreUnreadable(
                "the key store says that its passphrase is to be hashed in a way that Casemate never does",
                why="a file that was made to exhaust the memory, or one that is easy to guess, would say so",
                fix="restore the file from a copy",
            )
        key, found = self._derived(salt, int(str(cost)))
        if not isinstance(check, str) or not secrets.compare_digest(found.encode(), check.encode()):
            self._passphrase = None
            self._known.clear()
            raise KeyRefused(
                "the passphrase is wrong",
                why="a key store opens with the passphrase that it was made with, and nobody can find it out",
                fix=f"type it again, or correct {VARIABLE}",
            )
        return key

    def _words(self) -> bytes:
        if self._passphrase is None:
            self._passphrase = self._ask().encode()
        return self._passphrase

    def _derived(self, salt: str, cost: int) -> tuple[bytes, str]:
        """The key of a file, and a value that tells a wrong passphrase from a damaged file."""
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

        if (salt, cost) not in self._known:
            made = Scrypt(salt.encode(), 64, cost, 8, 1).derive(self._words())
            self._known[salt, cost] = made
        both = self._known[salt, cost]
        return both[:32], both[32:48].hex()
