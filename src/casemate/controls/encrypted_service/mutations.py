"""Mutations: messages that are altered, cut off, repeated, late or misdirected, each of which has to be refused.

They are made of real messages between real clients and a real server, which are told nothing of the trial.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from casemate.controls.encrypted_service.ciphertexts import packed
from casemate.controls.encrypted_service.client import Client
from casemate.controls.encrypted_service.replay import LIFETIME
from casemate.controls.encrypted_service.trial_house import TrialHouse
from casemate.controls.encrypted_service.verification import Mutation
from casemate.controls.encrypted_service.wire import Head, Kind, kind_of, parsed, unsealed
from casemate.controls.homomorphic.residues import Residues
from casemate.core.errors import EncryptedError

FLIPS = 200
"""Bits that are flipped, one at a time, in queries and in replies."""

CUTS = 40
FEW = 5
"""How often what takes a whole computation is tried."""


@dataclass(frozen=True)
class _Trial:
    """Who tries: a house, a registered client, a row, and random numbers."""

    house: TrialHouse
    client: Client
    row: np.ndarray
    rng: np.random.Generator


def tampered(house: TrialHouse, client: Client, row: np.ndarray, seed: int) -> tuple[Mutation, ...]:
    """Return how often altered messages were refused.

    Args:
        house: the server, and what makes clients of it.
        client: one that is registered as ``house.TENANT``.
        row: a row that it may ask about, (1, features).
        seed: of which bits are altered.
    """
    trial = _Trial(house, client, row, np.random.default_rng(seed))
    return (*_queries(trial), *_registrations(trial), *_replies(trial))


def _queries(trial: _Trial) -> Iterator[Mutation]:
    """What the server must refuse in place of a query."""
    house, client, row = trial.house, trial.client, trial.row
    query = client.encrypt(row)
    yield _refused("a flipped bit in a query", [house.asked(one) for one in _flipped(query, FLIPS, trial.rng)])
    yield _refused("a query that is cut off", [house.asked(one) for one in _cut(query, CUTS, trial.rng)])
    yield _refused("a query with bytes too many", [house.asked(query + bytes(more)) for more in range(1, FEW + 1)])
    house.asked(query)
    yield _refused("a query that was there before", [house.asked(query) for _ in range(FEW)])
    foreign = house.registered("second")
    yield _refused("a query under another client's key", [house.asked(foreign.encrypt(row)) for _ in range(FEW)])
    elsewhere = [house.asked(client.encrypt(row), house.twin.digest) for _ in range(FEW)]
    yield _refused("a query sent to another program", elsewhere)
    late = house.again(client, lambda: house.now() - 2 * LIFETIME)
    yield _refused("a query whose time is over", [house.asked(late.encrypt(row)) for _ in range(FEW)])
    early = house.again(client, lambda: house.now() + 2 * LIFETIME)
    yield _refused("a query from the future", [house.asked(early.encrypt(row)) for _ in range(FEW)])


def _registrations(trial: _Trial) -> Iterator[Mutation]:
    """What the server must refuse in place of a registration."""
    house, upload = trial.house, trial.client.registration()
    flipped = _flipped(upload, 2 * FEW, trial.rng)
    yield _refused("a flipped bit in a registration", [house.told(one) for one in flipped])
    yield _refused("a registration that is cut off", [house.told(one) for one in _cut(upload, FEW, trial.rng)])
    yield _refused("a registration with a wrong token", [house.told(house.stranger().registration())])


def _replies(trial: _Trial) -> Iterator[Mutation]:
    """What the client must refuse in place of a reply; each kind has a query of its own, which only one reply opens."""
    house, client, row, rng = trial.house, trial.client, trial.row, trial.rng
    yield _raised("a flipped bit in a reply", [(client, one) for one in _flipped(_asked(trial)[1], FLIPS, rng)])
    yield _raised("a reply that is cut off", [(client, one) for one in _cut(_asked(trial)[1], CUTS, rng)])
    yield _raised("a reply of another server", [(client, house.forged(*_asked(trial)))])
    reply = _asked(trial)[1]
    yield _raised("a reply to another query", [(house.again(client, house.now), reply)] * FEW)
    yield _raised("a reply to another key's query", [(house.registered("second"), reply)])
    yield _raised("a reply of another program", [(house.client(program=house.twin), reply)])
    yield _late_reply(trial)
    made = [_random_reply(trial, client.encrypt(row)) for _ in range(FEW)]
    yield _raised("a signed reply of random numbers", [(client, one) for one in made])
    client.decrypt(reply)
    yield _raised("a reply that was opened before", [(client, reply)] * FEW)


def _asked(trial: _Trial) -> tuple[bytes, bytes]:
    """A query, and the reply to it, which nobody has opened yet."""
    query = trial.client.encrypt(trial.row)
    return query, trial.house.asked(query)


def _late_reply(trial: _Trial) -> Mutation:
    """A reply that came in time, and is held back until its query is stale."""
    passed = 0.0
    client = trial.house.again(trial.client, lambda: trial.house.now() + passed)
    reply = trial.house.asked(client.encrypt(trial.row))
    passed = 2.0 * LIFETIME
    return _raised("a reply that comes too late", [(client, reply)])


def _random_reply(trial: _Trial, query: bytes) -> bytes:
    """A reply that a server signed without having computed it: residues drawn at random."""
    form, given = trial.client.program.terms.reply, trial.client.program.terms.given
    primes = np.array(form.primes, np.uint64)[:, None]
    shape = (2, form.level, form.chain.degree)
    drawn = [trial.rng.integers(0, primes, shape, np.uint64) for _ in range(given)]
    body = packed([Residues(one, form.scale, form.transformed) for one in drawn], form)
    asked = parsed(query, Kind.QUERY, len(query)).head
    head = Head(Kind.REPLY, asked.program, asked.chain, asked.key, asked.nonce, asked.expiry)
    covered = unsealed(head, hashlib.sha256(query).digest() + body)
    return covered + trial.house.identity.sign(covered)


def _flipped(data: bytes, count: int, rng: np.random.Generator) -> Iterator[bytes]:
    """Copies with one bit flipped, at places spread over all of it."""
    places = np.linspace(0, 8 * len(data) - 1, count).astype(np.int64) + rng.integers(-3, 4, count)
    for place in np.clip(places, 0, 8 * len(data) - 1).tolist():
        copy = bytearray(data)
        copy[place // 8] ^= 1 << place % 8
        yield bytes(copy)


def _cut(data: bytes, count: int, rng: np.random.Generator) -> Iterator[bytes]:
    """Copies that end too early."""
    for length in (0, 1, len(data) - 1, *rng.integers(2, len(data) - 1, count - 3).tolist()):
        yield data[:length]


def _refused(what: str, answers: list[bytes]) -> Mutation:
    return Mutation(what, "server", len(answers), sum(kind_of(answer) == Kind.REFUSAL for answer in answers))


def _raised(what: str, given: list[tuple[Client, bytes]]) -> Mutation:
    return Mutation(what, "client", len(given), sum(_raises(client.decrypt, reply) for client, reply in given))


def _raises(open_: Callable[[bytes], object], reply: bytes) -> bool:
    try:
        open_(reply)
    except EncryptedError:
        return True
    return False
