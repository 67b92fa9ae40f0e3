"""Two small programs that are real: their queries are encrypted, computed on and decrypted by SEAL."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from casemate.controls.encrypted_service.ciphertexts import Ciphertext, Form
from casemate.controls.encrypted_service.client import Client
from casemate.controls.encrypted_service.client_keys import ClientKeys, new_client_keys
from casemate.controls.encrypted_service.evaluation_keys import EvaluationKeys, KeyForm
from casemate.controls.encrypted_service.programs import Terms
from casemate.controls.encrypted_service.senders import RowSender
from casemate.controls.encrypted_service.server import Server
from casemate.controls.encrypted_service.signing import Identity, new_identity, new_token
from casemate.controls.homomorphic.chain import Chain, ckks_chain
from casemate.controls.homomorphic.circuits import checked_rows
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.residues import Residues, ciphertext_of, residues_of
from casemate.controls.homomorphic.secret_keys import SecretKeys
from casemate.controls.homomorphic.seeds import Seeded
from casemate.core.errors import OutOfRange, ReplyImplausible

FEATURES = 8
LARGEST = 4.0
BOUND = 100.0
NOW = 1_800_000_000.0


class Clock:
    """A clock that a test moves."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@cache
def context(chain: Chain) -> Context:
    return Context(chain)


@dataclass(frozen=True)
class SmallPublic:
    """A public program: w·x + b, one slot for each product; or, squared, w·x² + b summed by rotations."""

    name: str
    squared: bool = False
    seeded: bool = True

    @property
    def chain(self) -> Chain:
        return ckks_chain(4096, (36, 36, 34)) if self.squared else ckks_chain(2048, (53,))

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @cached_property
    def terms(self) -> Terms:
        chain = self.chain
        if not self.squared:
            return Terms(Form(chain, 1, 2.0**24, self.seeded), Form(chain, 1, 2.0**42), runs=4)
        return Terms(
            Form(chain, 2, 2.0**20, self.seeded),
            Form(chain, 2, 2.0**55),
            keys=KeyForm(chain, (1, 2, 4), relinearise=True),
            runs=2,
        )

    outputs = 1

    def to_bytes(self) -> bytes:
        return json.dumps(["small", self.name, self.squared, self.seeded]).encode()

    def public_keys(self, secret: SecretKeys) -> dict[str, bytes | Seeded]:
        form = self.terms.keys
        return dict(secret.evaluation_keys(form.rotations, relinearise=True, public=False)) if form else {}

    def sender(self, secret: SecretKeys) -> RowSender:
        return RowSender(self, secret)

    def encrypt(self, rows: np.ndarray, secret: SecretKeys) -> list[Ciphertext]:
        rows = checked_rows(rows, FEATURES)
        if (np.abs(rows) > LARGEST).any():
            raise OutOfRange("a value outside the range that the program was calibrated on")
        made = [secret.encrypt(secret.context.encode(row, self.terms.query.scale)) for row in rows]
        return list(made) if self.seeded else [one.expand(secret.chain) for one in made]

    def decrypt(self, ciphertexts: Sequence[Residues], rows: int, secret: SecretKeys) -> np.ndarray:
        slots = [secret.context.encoder.decode_complex(secret.decrypt(one)) for one in ciphertexts]
        if max(np.abs(one.imag).max() for one in slots) > 0.1:
            raise ReplyImplausible("a reply whose imaginary parts do not vanish")
        scores = np.array([[one.real[0] if self.squared else one.real[:FEATURES].sum()] for one in slots])
        if np.abs(scores).max() > BOUND:
            raise ReplyImplausible("a score that the program never answers")
        return scores

    def decide(self, scores: np.ndarray) -> np.ndarray:
        return (scores[:, 0] > 0).astype(np.int64)

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        high = 1 / (1 + np.exp(-scores[:, 0]))
        return np.stack([1 - high, high], axis=1)


@dataclass(frozen=True, eq=False)
class SmallProgram:
    """A program with its weights."""

    public: SmallPublic
    weights: np.ndarray
    bias: float

    def clear(self, rows: np.ndarray) -> np.ndarray:
        return ((rows**2 if self.public.squared else rows) @ self.weights + self.bias)[:, None]

    def session(self, keys: EvaluationKeys) -> SmallSession:
        return SmallSession(self, keys)


@dataclass(eq=False)
class SmallSession:
    """A program with a client's keys; it counts how often it was told to prepare."""

    program: SmallProgram
    keys: EvaluationKeys
    prepared: int = 0

    @property
    def size(self) -> int:
        form = self.program.public.terms.keys
        return form.bytes if form else 0

    def prepare(self) -> None:
        self.prepared += 1

    def run(self, ciphertexts: Sequence[Ciphertext]) -> list[Residues]:
        (query,) = ciphertexts
        public, keys = self.program.public, self.keys
        terms, where = public.terms, context(public.chain)
        whole = query.expand(public.chain) if isinstance(query, Seeded) else query
        evaluator, taken = where.evaluator, ciphertext_of(whole, where)
        factor = terms.reply.scale / terms.query.scale ** (1 + public.squared)
        if public.squared:
            taken = evaluator.relinearize(evaluator.square(taken), keys.relinearisation)
        made = evaluator.multiply_plain(taken, where.encode(self.program.weights, factor))
        bias = np.zeros(FEATURES)
        if not public.squared:
            bias[:] = np.random.default_rng().normal(size=FEATURES)
            bias -= bias.mean()
        bias[0] += self.program.bias
        made = evaluator.add_plain(made, where.encode(bias, terms.reply.scale))
        for step in terms.keys.rotations if terms.keys else ():
            made = evaluator.add(made, evaluator.rotate_vector(made, step, keys.rotation))
        return [residues_of(made)]


def small_program(name: str = "first", *, squared: bool = False, seeded: bool = True, seed: int = 0) -> SmallProgram:
    rng = np.random.default_rng(seed)
    return SmallProgram(SmallPublic(name, squared, seeded), rng.normal(size=FEATURES), float(rng.normal()))


def some_rows(n: int = 1, seed: int = 1) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).normal(size=(n, FEATURES)), -3, 3)


@cache
def keys(chain: Chain, number: int = 0) -> ClientKeys:
    """Keys that tests share; each number has its own."""
    return new_client_keys(chain)


def secret(chain: Chain, number: int = 0) -> SecretKeys:
    return keys(chain, number).secret


class House:
    """A server with tenants, and clients of it."""

    def __init__(self, *programs: SmallProgram, **options: Any) -> None:
        self.clock = Clock()
        self.identity: Identity = new_identity()
        self.tokens = {"ann": new_token(), "bob": new_token()}
        self.programs = programs or (small_program(),)
        self.server = Server(self.programs, self.identity, self.tokens, clock=self.clock, **options)

    def client(self, tenant: str = "ann", program: SmallProgram | None = None, key: int = 0, **options: Any) -> Client:
        public = (program or self.programs[0]).public
        held = options.pop("keys", None) or keys(public.chain, key)
        token = options.pop("token", self.tokens.get(tenant, bytes(32)))
        return Client(public, held, self.identity.card, tenant, token, clock=self.clock, **options)

    def registered(self, tenant: str = "ann", program: SmallProgram | None = None, **options: Any) -> Client:
        client = self.client(tenant, program, **options)
        client.accept(self.server.register(tenant, client.registration()))
        return client
