"""Server: takes registrations and queries apart, has the program run, and signs what it answers.

Nothing here, nor in what it imports, can hold a secret key of a client. Whatever is wrong with a message, the client is
told the same: a refusal of one length. What was wrong goes to the log, which is the operator's.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Iterable, Mapping

from casemate.controls.encrypted_service.ciphertexts import packed, unpacked
from casemate.controls.encrypted_service.engine import Engine, LocalEngine, WorkerEngine
from casemate.controls.encrypted_service.evaluation_keys import loaded_keys
from casemate.controls.encrypted_service.key_cache import KeyCache, Registration, keys_digest
from casemate.controls.encrypted_service.programs import OWNER_BYTES, Program, Terms
from casemate.controls.encrypted_service.quota import Quota
from casemate.controls.encrypted_service.replay import LIFETIME, Clock, MemoryNonces, Nonces
from casemate.controls.encrypted_service.signing import (
    TOKEN_BYTES,
    Card,
    Identity,
    key_fingerprint,
    mac_holds,
    query_key,
    upload_key,
)
from casemate.controls.encrypted_service.wire import NONCE_BYTES, Head, Kind, Message, parsed, unsealed
from casemate.controls.homomorphic.chain import Chain
from casemate.controls.homomorphic.context import Context
from casemate.core.errors import (
    BadEnvelope,
    CasemateError,
    EncryptedError,
    NotCanonical,
    WrongKey,
    WrongProgram,
    did_you_mean,
)

log = logging.getLogger("casemate.encrypted_service")


class Server:
    """Answers encrypted queries. Any number of threads may call it.

    Args:
        programs: what it runs.
        identity: its keys; they sign, and open no ciphertext.
        tenants: the token of each tenant, by name.
        cache: what clients registered; in memory by default.
        nonces: what was seen; in memory by default.
        quota: rows that a tenant may ask.
        workers: processes that run programs; 0 for this one.
        clock: seconds since 1970.

    Raises:
        EncryptedError: registrations would survive a restart, and nonces not, so that queries could be replayed.
    """

    def __init__(
        self,
        programs: Iterable[Program],
        identity: Identity,
        tenants: Mapping[str, bytes],
        *,
        cache: KeyCache | None = None,
        nonces: Nonces | None = None,
        quota: Quota | None = None,
        workers: int = 0,
        clock: Clock = time.time,
    ) -> None:
        held = {program.public.digest: program for program in programs}
        self._public = {digest: program.public for digest, program in held.items()}
        self._identity, self._tenants, self._clock = identity, tenants, clock
        self._cache = cache or KeyCache(clock=clock)
        self._nonces = nonces or MemoryNonces(clock=clock)
        self._quota = quota or Quota(clock=clock)
        if self._cache.shelf.lasting and not self._nonces.lasting:
            raise EncryptedError(
                "registrations are kept across restarts, and nonces are not",
                why="after a restart, every query of the last minutes could be replayed",
                fix="keep nonces in a file, too: nonces=FileNonces(path)",
            )
        self._engine: Engine = WorkerEngine(held, workers) if workers else LocalEngine(held)
        self._contexts: dict[str, Context] = {}
        self._nobody = secrets.token_bytes(TOKEN_BYTES)
        self._offers = {digest: self._offer(digest) for digest in self._public}

    @property
    def card(self) -> Card:
        """What clients have to know of it."""
        return self._identity.card

    @property
    def programs(self) -> tuple[str, ...]:
        """The digests of its programs, in hexadecimal."""
        return tuple(self._public)

    def terms(self, program: str) -> Terms:
        """Return what the messages of a program look like.

        Raises:
            WrongProgram: it has no such program.
        """
        if program not in self._public:
            raise WrongProgram(f"there is no program {program[:16]!r} here.{did_you_mean(program, self._public)}")
        return self._public[program].terms

    def offer(self, program: str) -> bytes:
        """Return the public program with the server's card, signed.

        Raises:
            WrongProgram: it has no such program.
        """
        self.terms(program)
        return self._offers[program]

    def register(self, tenant: str, upload: bytes, program: str | None = None) -> bytes:
        """Take a client's registration; return the receipt, or a refusal.

        Args:
            tenant: who sends it.
            upload: what came.
            program: digest of the program that it was sent to; any where None.
        """
        try:
            return self._registered(tenant, upload, program)
        except Exception as error:  # whatever it is: closed, and the same answer
            return self.refusal(tenant, upload, error)

    def answer(self, tenant: str, request: bytes, program: str | None = None) -> bytes:
        """Answer a query; return the reply, or a refusal.

        Args:
            tenant: who sends it.
            request: what came.
            program: digest of the program that it was sent to; any where None.
        """
        try:
            return self._answered(tenant, request, program)
        except Exception as error:  # whatever it is: closed, and the same answer
            return self.refusal(tenant, request, error)

    def refusal(self, tenant: str, request: bytes, error: Exception) -> bytes:
        """Return the refusal of a request, which is the same for every reason, and log the reason."""
        if isinstance(error, CasemateError):
            log.warning("refused %r: %s: %s", tenant[:64], type(error).__name__, error.what)
        else:
            log.error("refused %r: failed inside", tenant[:64], exc_info=error)
        return self._signed(Head(Kind.REFUSAL), hashlib.sha256(request).digest())

    def close(self) -> None:
        """End the workers."""
        self._engine.close()

    def _registered(self, tenant: str, upload: bytes, program: str | None) -> bytes:
        terms = [public.terms for public in self._public.values()]
        message = parsed(upload, Kind.KEYS, max(each.upload_bytes for each in terms))
        head, owner = message.head, bytes(message.body[:OWNER_BYTES])
        public = self._public.get(head.program.hex())
        if len(owner) < OWNER_BYTES or (public is not None and len(upload) != public.terms.upload_bytes):
            raise BadEnvelope(f"a registration of {len(upload):,} bytes, which its program does not allow")
        agreed = self._identity.agree(owner[:32])
        token = self._tenants.get(tenant, self._nobody)
        self._check_seal(message, upload_key(agreed, token, head.program, head.key))
        self._nonces.spend(tenant, head.nonce, head.expiry)
        if public is None or program not in (None, public.digest):
            raise _foreign(head)
        chain = bytes.fromhex(public.terms.query.chain.digest)
        if head.chain != chain:
            raise WrongProgram("a registration with other parameters than the program's")
        if head.key != key_fingerprint(chain, owner[:32], owner[32:]):
            raise WrongKey("a registration under the name of another key")
        keys = message.body[OWNER_BYTES:]
        form = public.terms.keys
        if form is not None:
            loaded_keys(keys, form, self._context(form.chain))
        session, until = secrets.token_bytes(NONCE_BYTES), int(self._clock()) + self._cache.lifetime
        registration = Registration(
            tenant=tenant,
            program=public.digest,
            key=head.key.hex(),
            mac=query_key(agreed, token, head.program, head.key, session),
            keys=keys_digest(chain, keys) if form is not None else "",
            size=len(keys),
            expiry=until,
        )
        self._cache.put(registration, keys)
        log.info("registered %r: %r", tenant, registration)
        receipt = Head(Kind.RECEIPT, head.program, chain, head.key, session, until)
        return self._signed(receipt, hashlib.sha256(upload).digest())

    def _answered(self, tenant: str, request: bytes, program: str | None) -> bytes:
        most = max(public.terms.query_bytes(public.terms.runs) for public in self._public.values())
        message = parsed(request, Kind.QUERY, most)
        head = message.head
        public = self._public.get(head.program.hex())
        runs = public.terms.runs_in(len(request)) if public is not None else None
        if public is not None and runs is None:
            raise BadEnvelope(f"a query of {len(request):,} bytes, which its program does not allow")
        registration = self._cache.find(tenant, head.program.hex(), head.key.hex())
        if registration is None:
            mac_holds(self._nobody, message.covered, message.seal)  # the same work as for a key that is known
            known = WrongKey("no such key is registered for the program, or its time is over")
            raise known if public is not None else _foreign(head)
        self._check_seal(message, registration.mac)
        self._nonces.spend(tenant, head.nonce, head.expiry)
        if public is None or runs is None or program not in (None, public.digest):
            raise _foreign(head)
        terms = public.terms
        if head.chain.hex() != terms.query.chain.digest:
            raise WrongProgram("a query with other parameters than the program's")
        ciphertexts = unpacked(message.body, terms.query)
        if packed(ciphertexts, terms.query) != bytes(message.body):  # a view is compared byte by byte, slowly
            raise NotCanonical("a query that is written in another way than ours")
        self._quota.spend(tenant, runs * terms.rows)
        keys = self._cache.keys(registration)
        answers = self._engine.run(public.digest, ciphertexts, keys, registration.keys)
        body = hashlib.sha256(request).digest() + packed(answers, terms.reply)
        log.info("answered %r: %d runs of %s for key %s", tenant, runs, public.digest[:8], head.key.hex()[:8])
        return self._signed(Head(Kind.REPLY, head.program, head.chain, head.key, head.nonce, head.expiry), body)

    def _context(self, chain: Chain) -> Context:
        if chain.digest not in self._contexts:
            self._contexts[chain.digest] = Context(chain)
        return self._contexts[chain.digest]

    def _check_seal(self, message: Message, key: bytes) -> None:
        if not mac_holds(key, message.covered, message.seal):
            raise BadEnvelope("the seal of a message does not hold")

    def _offer(self, program: str) -> bytes:
        public = self._public[program]
        told = self._identity.card.raw + LIFETIME.to_bytes(4, "little") + public.to_bytes()
        chain = bytes.fromhex(public.terms.query.chain.digest)
        return self._signed(Head(Kind.OFFER, bytes.fromhex(program), chain), told)

    def _signed(self, head: Head, body: bytes) -> bytes:
        covered = unsealed(head, body)
        return covered + self._identity.sign(covered)


def _foreign(head: Head) -> WrongProgram:
    return WrongProgram(f"no program {head.program.hex()[:16]} is served where the message was sent to")
