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
from casemate.controls.encrypted_service.server import Server
from casemate.controls.encrypted_service.signing import Identity, new_identity, new_token
from casemate.controls.homomorphic.chain import Chain, ckks_chain
from casemate.controls.homomorphic.circuits import checked_rows
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.library import library
from casemate.controls.homomorphic.residues import Residues, ciphertext_of, residues_of
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


@dataclass(frozen=True)
class SmallSecret:
    """A secret key as SEAL holds it."""

    chain: Chain
    data: bytes

    @classmethod
    def new(cls, chain: Chain) -> SmallSecret:
        return cls(chain, library().KeyGenerator(context(chain).seal).secret_key().to_string())

    @cached_property
    def seal(self) -> Any:
        return context(self.chain).seal.from_secret_str(self.data)

    def to_bytes(self) -> bytes:
        return self.data

    def evaluation_keys(self, form: KeyForm) -> EvaluationKeys:
        seal = library()
        maker, rotation = seal.KeyGenerator(context(self.chain).seal, self.seal), seal.GaloisKeys()
        if form.rotations:
            maker.create_galois_keys(list(form.rotations), rotation)
        relinearisation = maker.create_relin_keys() if form.relinearise else None
        return EvaluationKeys(maker.create_public_key(), relinearisation, rotation)


@cache
def context(chain: Chain) -> Context:
    return Context(chain)


@dataclass(frozen=True)
class SmallPublic:
    """A public program: w·x + b, one slot for each product; or, squared, w·x² + b summed by rotations."""

    name: str
    squared: bool = False

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
            return Terms(Form(chain, 1, 2.0**24), Form(chain, 1, 2.0**42), runs=4)
        return Terms(
            Form(chain, 2, 2.0**20), Form(chain, 2, 2.0**55), keys=KeyForm(chain, (1, 2, 4), relinearise=True), runs=2
        )

    outputs = 1

    def to_bytes(self) -> bytes:
        return json.dumps(["small", self.name, self.squared]).encode()

    def encrypt(self, rows: np.ndarray, secret: SmallSecret) -> list[Ciphertext]:
        rows, where = checked_rows(rows, FEATURES), context(secret.chain)
        if (np.abs(rows) > LARGEST).any():
            raise OutOfRange("a value outside the range that the program was calibrated on")
        encryptor = library().Encryptor(where.seal, secret.seal)
        plain = [where.encode(row, self.terms.query.scale) for row in rows]
        return [residues_of(encryptor.encrypt_symmetric(one)) for one in plain]

    def decrypt(self, ciphertexts: Sequence[Residues], rows: int, secret: SmallSecret) -> np.ndarray:
        where = context(secret.chain)
        decryptor = library().Decryptor(where.seal, secret.seal)
        slots = [where.encoder.decode_complex(decryptor.decrypt(ciphertext_of(one, where))) for one in ciphertexts]
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

    def run(self, ciphertexts: Sequence[Ciphertext], keys: EvaluationKeys) -> list[Residues]:
        (query,) = ciphertexts
        assert isinstance(query, Residues)
        terms, where = self.public.terms, context(self.public.chain)
        evaluator, taken = where.evaluator, ciphertext_of(query, where)
        factor = terms.reply.scale / terms.query.scale ** (1 + self.public.squared)
        if self.public.squared:
            taken = evaluator.relinearize(evaluator.square(taken), keys.relinearisation)
        made = evaluator.multiply_plain(taken, where.encode(self.weights, factor))
        bias = np.zeros(FEATURES)
        if not self.public.squared:
            bias[:] = np.random.default_rng().normal(size=FEATURES)
            bias -= bias.mean()
        bias[0] += self.bias
        made = evaluator.add_plain(made, where.encode(bias, terms.reply.scale))
        for step in terms.keys.rotations if terms.keys else ():
            made = evaluator.add(made, evaluator.rotate_vector(made, step, keys.rotation))
        return [residues_of(made)]


def small_program(name: str = "first", *, squared: bool = False, seed: int = 0) -> SmallProgram:
    rng = np.random.default_rng(seed)
    return SmallProgram(SmallPublic(name, squared), rng.normal(size=FEATURES), float(rng.normal()))


def some_rows(n: int = 1, seed: int = 1) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).normal(size=(n, FEATURES)), -3, 3)


@cache
def secret(chain: Chain, number: int = 0) -> SmallSecret:
    return SmallSecret.new(chain)


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
        keys = options.pop("keys", None) or new_client_keys(secret(public.chain, key))
        token = options.pop("token", self.tokens.get(tenant, bytes(32)))
        return Client(public, keys, self.identity.card, tenant, token, clock=self.clock, **options)

    def registered(self, tenant: str = "ann", program: SmallProgram | None = None, **options: Any) -> Client:
        client = self.client(tenant, program, **options)
        client.accept(self.server.register(tenant, client.registration()))
        return client


def keys_of(program: SmallProgram) -> ClientKeys:
    return new_client_keys(secret(program.public.chain))
