"""A trial house: a program's server and clients in one process, to be tried before anybody relies on them."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from casemate.controls.encrypted_service.client import Client
from casemate.controls.encrypted_service.client_keys import ClientKeys, new_client_keys
from casemate.controls.encrypted_service.descriptions import read, written
from casemate.controls.encrypted_service.evaluation_keys import EvaluationKeys
from casemate.controls.encrypted_service.program_files import public_program
from casemate.controls.encrypted_service.programs import ClientProgram, Program, Session
from casemate.controls.encrypted_service.quota import Quota
from casemate.controls.encrypted_service.replay import Clock
from casemate.controls.encrypted_service.server import Server, log
from casemate.controls.encrypted_service.signing import Identity, new_identity, new_token
from casemate.controls.encrypted_service.wire import HEAD_BYTES, SEAL_BYTES, Kind

TENANTS = ("first", "second")
_ENDLESS = 1 << 40
"""Rows that a trial may ask."""


@dataclass(frozen=True, eq=False)
class _Twin:
    """The same program under another name, and so another program."""

    public: ClientProgram
    program: Program

    def session(self, keys: EvaluationKeys) -> Session:
        return self.program.session(keys)


class TrialHouse:
    """A server that serves a program and its twin, with keys, tokens and tenants of its own.

    Args:
        program: what it serves.
        keys: a client's keys; new ones by default.

    Raises:
        WrongKey: keys for other parameters than the program's.
    """

    def __init__(self, program: Program, keys: ClientKeys | None = None) -> None:
        data = program.public.to_bytes()
        self.public = public_program(data)
        description = read(data)
        self.twin = public_program(written(msgspec.structs.replace(description, name=f"{description.name}, renamed")))
        self.identity: Identity = new_identity()
        self._tokens = {tenant: new_token() for tenant in TENANTS}
        self._keys = {"first": keys} if keys is not None else {}
        self._clients: dict[str, Client] = {}
        served = (program, _Twin(self.twin, program))
        self.server = Server(served, self.identity, self._tokens, quota=Quota(rows=_ENDLESS))

    @staticmethod
    def now() -> float:
        """Seconds since 1970."""
        return time.time()

    def client(self, tenant: str = "first", program: ClientProgram | None = None) -> Client:
        """Return a client that is not registered; each tenant has one key."""
        keys, card = self._keys_of(tenant), self.server.card
        return Client(program or self.public, keys, card, tenant, self._tokens[tenant])

    def registered(self, tenant: str = "first") -> Client:
        """Return a tenant's client, which is registered once.

        Raises:
            EncryptedError: the server refuses it.
        """
        if tenant not in self._clients:
            client = self.client(tenant)
            client.accept(self.server.register(tenant, client.registration()))
            self._clients[tenant] = client
        return self._clients[tenant]

    def again(self, client: Client, clock: Clock) -> Client:
        """Return a client with the keys and the registration of another one, and with another clock."""
        keys = self._keys_of(client.tenant)
        token = self._tokens[client.tenant]
        made = Client(client.program, keys, self.server.card, client.tenant, token, clock=clock)
        made.resume(client.receipt)
        return made

    def stranger(self) -> Client:
        """Return a client that gives itself out as the first tenant, without that one's token."""
        return Client(self.public, self._keys_of("first"), self.server.card, "first", new_token())

    def asked(self, query: bytes, program: str | None = None) -> bytes:
        """Return the server's answer to what claims to be the first tenant's query."""
        return self.server.answer("first", query, program or self.public.digest)

    def told(self, upload: bytes) -> bytes:
        """Return the server's answer to what claims to be the first tenant's registration."""
        return self.server.register("first", upload, self.public.digest)

    def forged(self, query: bytes, reply: bytes) -> bytes:
        """Return a reply to a query, signed by another server."""
        body = hashlib.sha256(query).digest() + reply[HEAD_BYTES + 32 : -SEAL_BYTES[Kind.REPLY]]
        covered = reply[:HEAD_BYTES] + body
        return covered + new_identity().sign(covered)

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Keep the server's log from telling of messages that are meant to be refused."""
        nothing = _Nothing()
        log.addFilter(nothing)
        try:
            yield
        finally:
            log.removeFilter(nothing)

    def close(self) -> None:
        """End the server."""
        self.server.close()

    def _keys_of(self, tenant: str) -> ClientKeys:
        if tenant not in self._keys:
            self._keys[tenant] = new_client_keys(self.public.terms.query.chain)
        return self._keys[tenant]


class _Nothing(logging.Filter):
    """Lets nothing through."""

    def filter(self, record: logging.LogRecord) -> bool:
        return False
