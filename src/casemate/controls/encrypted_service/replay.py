"""Replay: every nonce that was seen, until it is stale anyway. In memory, or in a file that survives a restart."""

from __future__ import annotations

import heapq
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from casemate.controls.encrypted_service.state_file import opened
from casemate.core.errors import QuotaSpent, Replayed, Stale

LIFETIME = 300
"""Seconds that a query may be valid for."""

MOST = 100_000
"""Nonces that are kept of one tenant at a time."""

Clock = Callable[[], float]

_TABLE = (
    "CREATE TABLE IF NOT EXISTS nonces "
    "(tenant TEXT, nonce BLOB, expiry INTEGER, PRIMARY KEY (tenant, nonce)) WITHOUT ROWID"
)
_INDEX = "CREATE INDEX IF NOT EXISTS ends ON nonces (expiry)"


class Nonces(Protocol):
    """What remembers nonces."""

    lasting: bool
    """Whether it remembers them across a restart."""

    def spend(self, tenant: str, nonce: bytes, expiry: int) -> None:
        """Take note of a nonce; of two calls with the same one, at whatever time, one alone returns.

        Raises:
            Replayed: it was spent before.
            Stale: its time is over, or ends too late for it to be remembered.
            QuotaSpent: the tenant has too many that are not stale yet.
        """
        ...


class MemoryNonces:
    """Nonces in memory, for one process. They are forgotten with it, as are registrations in memory.

    Args:
        lifetime: seconds that a message may be valid for.
        most: nonces of one tenant at a time.
        clock: seconds since 1970.
    """

    lasting = False

    def __init__(self, lifetime: int = LIFETIME, most: int = MOST, clock: Clock = time.time) -> None:
        self._lifetime, self._most, self._clock = lifetime, most, clock
        self._lock = threading.Lock()
        self._seen: dict[str, dict[bytes, int]] = {}
        self._ends: list[tuple[int, str, bytes]] = []

    def spend(self, tenant: str, nonce: bytes, expiry: int) -> None:
        """Take note of a nonce; see `Nonces.spend`."""
        now = self._clock()
        check_time(now, expiry, self._lifetime)
        with self._lock:
            self._forget(now)
            held = self._seen.setdefault(tenant, {})
            if nonce in held:
                raise replayed()
            if len(held) >= self._most:
                raise too_many(self._most)
            held[nonce] = expiry
            heapq.heappush(self._ends, (expiry, tenant, nonce))

    def _forget(self, now: float) -> None:
        while self._ends and self._ends[0][0] < now:
            _, tenant, nonce = heapq.heappop(self._ends)
            held = self._seen[tenant]
            del held[nonce]
            if not held:
                del self._seen[tenant]


class FileNonces:
    """Nonces in an SQLite file: for several processes, and across restarts. Each is on the disk before it counts.

    Args:
        path: of the file; made where there is none.
        lifetime, most, clock: see `MemoryNonces`.
    """

    lasting = True

    def __init__(self, path: Path, lifetime: int = LIFETIME, most: int = MOST, clock: Clock = time.time) -> None:
        self._lifetime, self._most, self._clock = lifetime, most, clock
        self._lock = threading.Lock()
        self._base = opened(path, _TABLE, _INDEX)

    def spend(self, tenant: str, nonce: bytes, expiry: int) -> None:
        """Take note of a nonce; see `Nonces.spend`."""
        now = self._clock()
        check_time(now, expiry, self._lifetime)
        with self._lock, self._base:
            self._base.execute("BEGIN IMMEDIATE")
            self._base.execute("DELETE FROM nonces WHERE expiry < ?", (now,))
            (held,) = self._base.execute("SELECT count(*) FROM nonces WHERE tenant = ?", (tenant,)).fetchone()
            if held >= self._most:
                raise too_many(self._most)
            try:
                self._base.execute("INSERT INTO nonces VALUES (?, ?, ?)", (tenant, nonce, expiry))
            except sqlite3.IntegrityError:
                raise replayed() from None

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()


def check_time(now: float, expiry: int, lifetime: int) -> None:
    """Check that a message is of our time.

    Raises:
        Stale: its time is over, or ends more than a lifetime, and a minute for clocks that differ, from now.
    """
    if expiry < now:
        raise Stale(f"a message whose time ended {now - expiry:.0f} s ago", fix="send it anew; check both clocks")
    if expiry > now + lifetime + 60:
        raise Stale(
            f"a message that would be valid for {expiry - now:.0f} s, where {lifetime} s are allowed",
            why="nonces are not remembered for longer",
            fix="check both clocks",
        )


def replayed() -> Replayed:
    """Return the error that a nonce was there before."""
    return Replayed("a message that was there before", fix="encrypt anew for each request")


def too_many(most: int) -> QuotaSpent:
    """Return the error that a tenant's nonces are too many."""
    return QuotaSpent(f"{most:,} messages of this tenant are not stale yet", fix="wait for some of them to be")
