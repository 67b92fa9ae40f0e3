"""Client: encrypts rows for a program, and opens the replies, each of which has to be the one to its own request.

The secret key stays in this process. What comes back is believed only where the server signed it, for this request,
program and key, in time; and even then, what it decrypts to has to be something that the program can answer.
"""

from __future__ import annotations

import hashlib
import math
import re
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from casemate.controls.encrypted_service.ciphertexts import packed, unpacked
from casemate.controls.encrypted_service.client_keys import ClientKeys
from casemate.controls.encrypted_service.evaluation_keys import packed_keys
from casemate.controls.encrypted_service.programs import HASH_BYTES, ClientProgram
from casemate.controls.encrypted_service.replay import LIFETIME, Clock
from casemate.controls.encrypted_service.signing import Card, agree_with, mac, query_key, upload_key
from casemate.controls.encrypted_service.wire import (
    NONCE_BYTES,
    Head,
    Kind,
    Message,
    kind_of,
    parsed,
    size_of,
    unsealed,
)
from casemate.controls.homomorphic.residues import Residues
from casemate.core.errors import (
    BadEnvelope,
    EmptyData,
    EncryptedError,
    OutOfRange,
    QuotaSpent,
    ReplyImplausible,
    RequestRefused,
    ShapeMismatch,
    Stale,
    WrongKey,
    WrongProgram,
)

OPEN = 1_024
"""Requests that a client may wait for at a time."""

_TENANT = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, eq=False)
class Answer:
    """What the model says of each row.

    Args:
        scores: as the program computes them, (n, outputs).
        labels: the class of each row, (n,) int64; the numbers themselves, (n,) float64, where the model answers with
            numbers.
        probabilities: (n, classes); the scores where the model answers with numbers.
    """

    scores: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray


@dataclass(frozen=True)
class _Waiting:
    """A request that is on its way."""

    nonce: bytes
    rows: int
    expiry: int
    opened: Callable[[Sequence[Residues]], np.ndarray] = field(repr=False)


class Client:
    """Encrypts and decrypts for one program, key and server. Any number of threads may use it.

    Args:
        program: the public program.
        keys: the client's keys.
        card: the server's public keys.
        tenant, token: who asks, and the token that the operator handed out.
        lifetime: seconds that a query is valid for.
        clock: seconds since 1970.

    Raises:
        WrongKey: keys for other parameters than the program's.
        EncryptedError: a tenant's name that no header can hold.
    """

    def __init__(
        self,
        program: ClientProgram,
        keys: ClientKeys,
        card: Card,
        tenant: str,
        token: bytes,
        *,
        lifetime: int = LIFETIME,
        clock: Clock = time.time,
    ) -> None:
        if not _TENANT.fullmatch(tenant):
            raise EncryptedError(
                f"{tenant!r} is no name of a tenant", fix="1 to 128 letters, digits and signs of ASCII"
            )
        if keys.chain != program.terms.query.chain:
            raise WrongKey(
                "the keys were made for other parameters than the program's",
                fix="make keys for this program: casemate encrypt keys",
            )
        self.program = program
        self.tenant = tenant
        self._keys, self._card, self._token = keys, card, token
        self._lifetime, self._clock = lifetime, clock
        self._digest, self._chain = bytes.fromhex(program.digest), bytes.fromhex(keys.chain.digest)
        self._agreed = agree_with(keys.agreement, card)
        self._sender = program.sender(keys.secret)
        self._lock = threading.Lock()
        self._uploaded: set[bytes] = set()
        self._registered: tuple[bytes, int] | None = None
        self._receipt = b""
        self._waiting: dict[bytes, _Waiting] = {}

    @property
    def fingerprint(self) -> str:
        """What names its key, in hexadecimal."""
        return self._keys.fingerprint.hex()

    @property
    def registered(self) -> bool:
        """Whether the server has its key, as far as it knows."""
        return self._registered is not None and self._registered[1] > self._clock()

    def registration(self) -> bytes:
        """Return what registers the client's key with the server, to be sent once; no secret is in it."""
        form = self.program.terms.keys
        keys = packed_keys(self.program.public_keys(self._keys.secret), form) if form is not None else b""
        covered = unsealed(self._head(Kind.KEYS), self._keys.owner + keys)
        key = upload_key(self._agreed, self._token, self._digest, self._keys.fingerprint)
        upload = covered + mac(key, covered)
        with self._lock:
            self._uploaded.add(hashlib.sha256(upload).digest())
        return upload

    def accept(self, receipt: bytes) -> None:
        """Take the receipt of a registration.

        Raises:
            RequestRefused: the server refused.
            BadEnvelope: not signed by the server, or not the receipt of this registration.
            WrongProgram, WrongKey, Stale: a receipt for another program or key, or past its time.
        """
        message = self._authentic(receipt, Kind.RECEIPT, size_of(Kind.RECEIPT, HASH_BYTES))
        with self._lock:
            if bytes(message.body) not in self._uploaded:
                raise BadEnvelope("a receipt of another registration than this client's")
            self._uploaded.discard(bytes(message.body))
        self._take(receipt, message)

    @property
    def receipt(self) -> bytes:
        """The receipt of its registration, to be kept for `resume`; it is no secret. Empty before there is one."""
        return self._receipt

    def resume(self, receipt: bytes) -> None:
        """Take up a registration of an earlier process with the same keys, which kept its receipt.

        Raises:
            BadEnvelope, WrongProgram, WrongKey, Stale: see `accept`.
        """
        self._take(receipt, self._authentic(receipt, Kind.RECEIPT, size_of(Kind.RECEIPT, HASH_BYTES)))

    def encrypt(self, rows: np.ndarray) -> bytes:
        """Return the query for rows (n, features); see `rows_at_once`.

        Raises:
            WrongKey: the client is not registered, or no longer.
            EmptyData: no rows.
            OutOfRange: more rows than one query may hold, or values outside what the program was calibrated on.
            ShapeMismatch, NotFinite: rows that the program was not made for.
            QuotaSpent: too many requests wait for their replies.
        """
        if self._registered is None or not self.registered:
            raise WrongKey("the client's key is not registered, or no longer", fix="send registration() to the server")
        rows = np.asarray(rows, dtype=np.float64)
        if rows.ndim != 2:
            raise ShapeMismatch(f"rows of shape {rows.shape}, where (n, features) is expected")
        if not len(rows):
            raise EmptyData("no rows to encrypt")
        if len(rows) > self.rows_at_once:
            raise OutOfRange(f"{len(rows):,} rows in one query", fix=f"at most {self.rows_at_once:,} at once")
        terms = self.program.terms
        sending = self._sender.encrypt(rows)
        head = self._head(Kind.QUERY)
        covered = unsealed(head, packed(sending.ciphertexts, terms.query))
        request = covered + mac(self._registered[0], covered)
        self._wait(request, _Waiting(head.nonce, len(rows), head.expiry, sending.opened))
        return request

    def decrypt(self, reply: bytes) -> Answer:
        """Return what a reply says; each reply can be opened once.

        Raises:
            RequestRefused: the server refused, and does not tell why.
            BadEnvelope: not signed by the server, altered, or not a reply to a request of this client's that waits.
            WrongProgram, WrongKey: a reply for another program or key.
            LevelMismatch, NotCanonical: ciphertexts that are none.
            Stale: it came too late.
            ReplyImplausible: it decrypts to what the program never answers.
        """
        terms = self.program.terms
        message = self._authentic(reply, Kind.REPLY, terms.reply_bytes(terms.runs))
        asked = self._answered(message)
        body = message.body[HASH_BYTES:]
        runs = math.ceil(asked.rows / terms.rows)
        if len(body) != terms.reply.size(runs * terms.given):
            raise BadEnvelope(f"a reply of {len(reply):,} bytes to a query of {asked.rows} rows")
        answers = [one for one in unpacked(body, terms.reply) if isinstance(one, Residues)]
        scores = asked.opened(answers)
        if scores.shape != (asked.rows, self.program.outputs) or not np.isfinite(scores).all():
            raise ReplyImplausible(f"a reply that decrypts to {scores.shape} numbers, or to no numbers")
        return Answer(scores, self.program.decide(scores), self.program.probabilities(scores))

    def nothing(self) -> Answer:
        """Return the answer to no rows."""
        scores = np.empty((0, self.program.outputs))
        return Answer(scores, self.program.decide(scores), self.program.probabilities(scores))

    @property
    def rows_at_once(self) -> int:
        """How many rows one query may hold."""
        return self.program.terms.rows * self.program.terms.runs

    def _head(self, kind: Kind) -> Head:
        until = int(self._clock()) + self._lifetime
        nonce = secrets.token_bytes(NONCE_BYTES)
        return Head(kind, self._digest, self._chain, self._keys.fingerprint, nonce, until)

    def _authentic(self, data: bytes, kind: Kind, most: int) -> Message:
        """A message of the server's, for this program and key, in time."""
        if kind_of(data) == Kind.REFUSAL:
            refusal = parsed(data, Kind.REFUSAL, size_of(Kind.REFUSAL, HASH_BYTES))
            self._card.check(refusal.covered, refusal.seal)
            raise RequestRefused(
                "the server refused the request, and does not tell why",
                why="reasons would help whoever tries to break in",
                fix="check both clocks, the tenant's token and quota, and that the key is registered; "
                "the server's log has the reason",
            )
        message = parsed(data, kind, most)
        self._card.check(message.covered, message.seal)
        if message.head.program != self._digest or message.head.chain != self._chain:
            raise WrongProgram("a message for another program than this client's")
        if message.head.key != self._keys.fingerprint:
            raise WrongKey("a message for another key than this client's")
        if message.head.expiry < self._clock():
            raise Stale("the server's message came too late", fix="send the request anew; check both clocks")
        return message

    def _take(self, receipt: bytes, message: Message) -> None:
        key = query_key(self._agreed, self._token, self._digest, self._keys.fingerprint, message.head.nonce)
        with self._lock:
            self._registered, self._receipt = (key, message.head.expiry), receipt

    def _wait(self, request: bytes, waiting: _Waiting) -> None:
        now = self._clock()
        with self._lock:
            self._waiting = {digest: held for digest, held in self._waiting.items() if held.expiry >= now}
            if len(self._waiting) >= OPEN:
                raise QuotaSpent(f"{OPEN:,} requests wait for their replies", fix="decrypt their replies first")
            self._waiting[hashlib.sha256(request).digest()] = waiting

    def _answered(self, message: Message) -> _Waiting:
        """The request that a reply answers, which waits no longer."""
        with self._lock:
            asked = self._waiting.pop(bytes(message.body[:HASH_BYTES]), None)
        if asked is None or asked.nonce != message.head.nonce:
            raise BadEnvelope(
                "a reply to another request than this client's, or a second one to the same",
                fix="decrypt each reply once, with the client that made its request",
            )
        return asked
