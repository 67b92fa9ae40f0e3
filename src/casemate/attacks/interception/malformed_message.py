"""Malformed messages: altered, cut off, joined, repeated and foreign ones; does anybody notice?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from casemate.attacks.interception.textbook import unsealed_system
from casemate.core.access import Access
from casemate.core.attack import attack
from casemate.core.errors import DataError
from casemate.core.evidence import Evidence
from casemate.core.tap import Tap
from casemate.core.target import Target

MESSAGES = 50
OTHER = 0.05
"""By how much a probability must differ for an answer to count as another one."""

Alter = Callable[[bytes, bytes, np.random.Generator], bytes]


@attack(
    "interception.malformed-message",
    threat="message-tampering",
    needs=Access(population=True, messages=True),
    twin=unsealed_system,
)
def malformed_message(target: Target) -> Evidence:
    """Messages of honest clients, taken off the wire, changed, and handed on; and replies on their way back.

    Changed in one bit, in one byte, by a run of zeros, cut off, made longer, joined from two of them; sent a second
    time; and sent by a client of the same service elsewhere, under other keys. A query counts as accepted where the
    server replies to it, a reply where the client believes it. Of those that are, it is told how often the client then
    reads another answer than the honest one: of ciphertexts, garbage that nobody notices.

    Source: malleability, Dolev, Dwork & Naor, STOC 1991; what a client's reactions to altered ciphertexts give away,
    Chenal & Tang, LATINCRYPT 2014.

    Raises:
        DataError: no row of the attacker's own about which clients ask and that the server answers.
    """
    rng, own, tried = target.common_rng, target.population.X, Tried()
    left = target.queries_left
    count = MESSAGES if left is None else min(MESSAGES, left // (len(ALTERED) + 6))
    for row in own[rng.permutation(len(own))[:count]]:
        _attacked(target.tap, np.stack([row, own[rng.integers(len(own))]]), rng, tried)
    if not tried.kinds:
        raise DataError(
            "no message of a client was answered",
            where="[data] test, or [access] queries",
            fix="give test rows within the ranges that the model was trained on, and more queries",
        )
    won = np.array([accepted for found in tried.kinds.values() for accepted in found], dtype=bool)
    figures = {f"{kind}: accepted": float(np.mean(found)) for kind, found in tried.kinds.items()}
    note = f"{tried.others} accepted messages led the client to another answer than the honest one"
    evidence = Evidence.rate("messages accepted that should not be", won=won, ids=np.arange(len(won)), figures=figures)
    return replace(evidence, notes=(note,)) if won.any() else evidence


@dataclass
class Tried:
    """What became of messages: by kind, whether each was accepted; and how many of those led to another answer."""

    kinds: dict[str, list[bool]] = field(default_factory=dict)
    others: int = 0

    def note(self, kind: str, accepted: bool) -> None:
        """Count one message."""
        self.kinds.setdefault(kind, []).append(accepted)

    def compare(self, read: np.ndarray | None, honest: np.ndarray) -> None:
        """Count it where a client read another answer."""
        self.others += read is not None and bool(np.abs(read - honest).max() > OTHER)


def _attacked(tap: Tap, rows: np.ndarray, rng: np.random.Generator, tried: Tried) -> None:
    """Try every way on the message about the first of two rows, and on its reply."""
    message, another = tap.overhear(rows)
    if not message or not another:
        return
    believed: list[bytes] = []
    for kind, altered in _altered(message, another, rng):
        reply = tap.deliver(altered)
        tried.note(f"query {kind}", reply is not None)
        believed += [] if reply is None else [reply]
    reply, second = tap.deliver(message), tap.deliver(another)
    if reply is None:
        return
    read = []
    for kind, altered in _altered(reply, second or reply[::-1], rng):
        scores = tap.accepts(message, altered)
        tried.note(f"reply {kind}", scores is not None)
        read.append(scores)
    honest = tap.accepts(message, reply)
    if honest is not None:
        for scores in (*read, *(tap.accepts(message, each) for each in believed)):
            tried.compare(scores, honest)
    tried.note("query sent again", tap.deliver(message) is not None)
    tried.note("query of a stranger", tap.deliver(tap.strangers(rows[:1])[0]) is not None)


def _altered(message: bytes, another: bytes, rng: np.random.Generator) -> list[tuple[str, bytes]]:
    made = [(kind, alter(message, another, rng)) for kind, alter in ALTERED.items()]
    return [(kind, altered) for kind, altered in made if altered not in (message, another)]


def _bit(message: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    return _masked(message, int(rng.integers(len(message))), 1 << int(rng.integers(8)))


def _byte(message: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    return _masked(message, int(rng.integers(len(message))), int(rng.integers(1, 256)))


def _masked(message: bytes, place: int, mask: int) -> bytes:
    return message[:place] + bytes([message[place] ^ mask]) + message[place + 1 :]


def _zeros(message: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    start, length = int(rng.integers(len(message))), max(1, len(message) // 16)
    return message[:start] + bytes(len(message[start : start + length])) + message[start + length :]


def _cut(message: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    return message[: int(rng.integers(len(message)))]


def _longer(message: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    return message + rng.bytes(int(rng.integers(1, 64)))


def _joined(message: bytes, another: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(1, len(message)))
    return message[:place] + another[place:]


ALTERED: dict[str, Alter] = {
    "with a bit flipped": _bit,
    "with a byte changed": _byte,
    "with a run of zeros": _zeros,
    "cut off": _cut,
    "made longer": _longer,
    "joined from two": _joined,
}
"""The ways in which a message is changed; each is given the message, another one, and randomness."""
