"""Tap: what whoever sits on the server, or on the way to it, sees and does; with the judges of what it learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from casemate.core.access import Access
from casemate.core.dataset import Dataset
from casemate.core.errors import AccessDenied, ShapeMismatch
from casemate.core.evidence import Evidence
from casemate.core.ledger import Ledger
from casemate.core.wire import Opened, Ring, Wire

NEAR = 1e-3
"""Numbers of an answer count as read where they are right to this share of the answer's size."""


@dataclass(frozen=True, eq=False)
class Exchange:
    """One question of an honest client, as the server sees it.

    Args:
        message, reply: what came and what went.
        told: what the client told others of the answer, by the owner's policy; None for nothing.
    """

    message: bytes
    reply: bytes
    told: np.ndarray | None


class Tap:
    """The wire of one arm, as an attacker has it.

    The rows that honest clients ask about, the keys and what clients read are secrets that only the judges use. What
    the attacker makes others do counts as queries; computing on the server and by clients takes none of its seconds.

    Args:
        wire: how rows travel.
        access: what the attacker is granted.
        ledger: counts.
        honest: rows that honest clients ask about.
        pick: randomness for a purpose, the same in every arm.
    """

    def __init__(
        self, wire: Wire, access: Access, ledger: Ledger, honest: Dataset, pick: Callable[[str], np.random.Generator]
    ) -> None:
        self._wire, self._access, self._ledger = wire, access, ledger
        self._honest, self._pick = honest, pick
        self._coins = np.empty(0, dtype=bool)
        self._opened: list[Opened | None] = []

    # What passes by.

    @property
    def encrypted(self) -> bool:
        """Whether the server computes on what it cannot read."""
        return self._wire.encrypted

    @property
    def share(self) -> str:
        """What clients tell others of their answers: ``never``, ``labels`` or ``scores``."""
        return self._wire.share

    @property
    def ring(self) -> Ring | None:
        """How numbers are read from encrypted answers; None where that is not known."""
        return self._wire.ring

    def overhear(self, X: np.ndarray) -> list[bytes]:
        """Return the messages of honest clients whom the attacker has ask about rows (n, d). Counts n queries."""
        self._ledger.ask(len(X))
        return self._asked(X)

    def exchanges(self, X: np.ndarray) -> list[Exchange]:
        """Have honest clients ask about rows (n, d); rows that are refused are left out. Counts n queries.

        Needs a place on the server.
        """
        self._require(self._access.server, "what the server holds")
        self._ledger.ask(len(X))
        with self._ledger.pause():
            seen = [self._exchange(row) for row in X]
        return [exchange for exchange, _ in seen if exchange is not None]

    def polynomials(self, reply: bytes) -> np.ndarray:
        """Return the pairs of an encrypted answer by coefficients, (pairs, 2, degree) int64; see `Ring`."""
        return self._wire.polynomials(reply)

    # What the attacker does. Needs a hand on messages.

    def deliver(self, message: bytes) -> bytes | None:
        """Hand the server a message; return its reply, None where it refuses. Counts a query."""
        self._require(self._access.messages, "a hand on messages")
        self._ledger.ask(1)
        with self._ledger.pause():
            return self._wire.answer(message)

    def accepts(self, message: bytes, reply: bytes) -> np.ndarray | None:
        """Hand a client a reply to its message; return the scores (classes,) that it then believes, None where none."""
        self._require(self._access.messages, "a hand on messages")
        self._ledger.check_time()
        with self._ledger.pause():
            opened = self._wire.read(message, reply)
        return None if opened is None else opened.scores

    def strangers(self, X: np.ndarray) -> list[bytes]:
        """Return messages about rows (n, d) by clients of the same service at another place. Counts n queries."""
        self._require(self._access.messages, "a hand on messages")
        self._ledger.ask(len(X))
        with self._ledger.pause():
            return self._wire.stranger().ask(X)

    # What the harness asks of the attacker, and judges.

    def challenge(self, first: np.ndarray, second: np.ndarray) -> list[bytes]:
        """For each pair of rows (n, d) that the attacker chose, toss a coin, and return the message about one of them.

        The game of indistinguishability under chosen plaintexts (Bellare, Desai, Jokipii & Rogaway, FOCS 1997). Counts
        n queries.
        """
        if first.shape != second.shape or first.ndim != 2:
            raise ShapeMismatch(f"pairs of shapes {first.shape} and {second.shape}", fix="give two rows for each round")
        self._ledger.ask(len(first))
        self._coins = self._pick("coins").random(len(first)) < 0.5
        return self._asked(np.where(self._coins[:, None], second, first))

    def distinguish(self, second: np.ndarray) -> Evidence:
        """Hold guesses, (n,) bool, whether it was the second row, against the coins of the last `challenge`.

        The effect is the advantage: the share of right guesses less that of wrong ones. Guessing has 0, reading 1.
        """
        if np.shape(second) != self._coins.shape:
            raise ShapeMismatch(f"{np.shape(second)} guesses for {self._coins.shape} rounds", fix="guess every round")
        right = np.asarray(second, dtype=bool) == self._coins
        return Evidence(
            "advantage in telling which row was asked",
            "difference",
            outcome=~right,
            baseline=right,
            ids=np.arange(len(right)),
            figures={"right guesses": float(right.mean())} if len(right) else {},
        )

    def unread(self) -> list[Exchange]:
        """Return exchanges of honest clients that told nothing, about rows that the attacker does not know."""
        with self._ledger.pause():
            seen = [self._exchange(row) for row in self._honest.X]
        self._opened = [opened for exchange, opened in seen if exchange is not None]
        return [Exchange(exchange.message, exchange.reply, None) for exchange, _ in seen if exchange is not None]

    def judge_read(self, numbers: Sequence[np.ndarray | None]) -> Evidence:
        """Hold the numbers (k,) that the attacker read in each of `unread` against what the clients read."""
        if len(numbers) != len(self._opened):
            raise ShapeMismatch(f"{len(numbers)} of {len(self._opened)} answers", fix="give None for what was not read")
        won = [_same(found, true) for found, true in zip(numbers, self._opened, strict=True)]
        return Evidence.rate(
            "answers read with a recovered key", won=np.array(won, dtype=bool), ids=np.arange(len(won))
        )

    # Inside.

    def _asked(self, X: np.ndarray) -> list[bytes]:
        with self._ledger.pause():
            return self._wire.ask(X)

    def _exchange(self, row: np.ndarray) -> tuple[Exchange | None, Opened | None]:
        (message,) = self._wire.ask(row[None])
        reply = self._wire.answer(message)
        opened = None if reply is None else self._wire.read(message, reply)
        if reply is None or opened is None:
            return None, None
        return Exchange(message, reply, opened.told), opened

    def _require(self, granted: bool, what: str) -> None:
        if not granted:
            raise AccessDenied(
                f"the attack uses {what}, which it did not ask for or was not granted",
                fix="declare it in the attack's needs, and grant it in [access]",
            )


def no_ring(wire: Wire) -> str:
    """Return why answers cannot be read as polynomials are."""
    if not wire.encrypted:
        return "answers are not encrypted"
    return "answers are encrypted in slots, or too long for float64: no polynomial follows from the few numbers read"


def _same(found: np.ndarray | None, opened: Opened | None) -> bool:
    if found is None or opened is None or found.shape != opened.numbers.shape:
        return False
    return bool(np.abs(found - opened.numbers).max() <= NEAR * max(float(np.abs(opened.numbers).max()), 1e-9))
