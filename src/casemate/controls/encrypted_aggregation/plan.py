"""Aggregation plan: what is asked of whom, and all that the security of it rests on, in one public document.

Everybody who takes part holds the same plan: its digest is in every message, and the names and public keys that it
lists are all that signatures are checked with. A plan serves for one total.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec

from casemate.controls.encrypted_aggregation.failure import FAILURE_BITS, MOST_SMUDGING, Errors
from casemate.controls.encrypted_aggregation.identity import check_name, check_public
from casemate.controls.encrypted_aggregation.layout import Layout, Span
from casemate.controls.encrypted_aggregation.parameters import (
    Demand,
    check_parameters,
    choose_chain,
    ciphertexts_for,
    residue_bytes,
)
from casemate.controls.encrypted_aggregation.private_noise import FieldNoise, PrivateNoise, field_noises, largest_noise
from casemate.controls.encrypted_aggregation.questions import EncryptedQuestion, Fields
from casemate.controls.homomorphic.chain import Chain
from casemate.controls.homomorphic.context import Context
from casemate.core.errors import BadEnvelope, OutOfRange

FORMAT = 1
SMUDGING = 40
"""Bits of statistical security with which holders hide their parts, unless a plan says otherwise."""
LEAST_SMUDGING = 30
MOST_CLIENTS = 1 << 20
MOST_HOLDERS = 64
MOST_ROWS = 1 << 32
MOST_QUESTIONS = 10_000
MOST_BYTES = 1 << 28


class AggregationPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", dict=True):
    """What is asked of whom, and how it is encrypted. Make it with `plan_aggregation`, read it with `read_plan`.

    Args:
        format: version of this document.
        name: what the aggregation is called.
        nonce: 32 hexadecimal digits that no other plan has.
        questions: what is asked.
        rows: most rows that one client adds up before it encrypts.
        contributors: public key of every client that may contribute, by name.
        clients: most clients whose contributions are added.
        min_clients: fewest clients whose total may be decrypted.
        holders: public key of everybody who holds a part of the key, by name; all of them are needed to decrypt.
        smudging: bits of statistical security with which each holder hides its part; 0 where there is one holder.
        noise: what hides each client in the released total; None where it is released exactly.
        degree, primes, plain: the parameters of BFV; see `Chain`.
    """

    format: int
    name: str
    nonce: str
    questions: tuple[EncryptedQuestion, ...]
    rows: int
    contributors: dict[str, str]
    clients: int
    min_clients: int
    holders: dict[str, str]
    smudging: int
    noise: PrivateNoise | None
    degree: int
    primes: tuple[int, ...]
    plain: int

    @cached_property
    def data(self) -> bytes:
        """The document, JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of what the document says, 32 bytes."""
        return hashlib.sha256(b"casemate aggregation plan\0" + msgspec.json.encode(self)).digest()

    @cached_property
    def chain(self) -> Chain:
        """The parameters of BFV."""
        return Chain("bfv", self.degree, self.primes, self.plain)

    @cached_property
    def context(self) -> Context:
        """What computes on ciphertexts."""
        return Context(self.chain)

    @cached_property
    def fields(self) -> tuple[Fields, ...]:
        """What every client contributes, for all questions one after the other."""
        return tuple(fields for question in self.questions for fields in question.fields(self.rows))

    @cached_property
    def noises(self) -> tuple[FieldNoise, ...]:
        """The noise of each of `fields`; empty without."""
        return field_noises(self.questions, self.rows, self.noise, len(self.holders)) if self.noise else ()

    @cached_property
    def layout(self) -> Layout:
        """Which total lies in which slot."""
        return Layout(self._demand.spans, self.plain)

    @property
    def ciphertexts(self) -> int:
        """Ciphertexts of one contribution."""
        return ciphertexts_for(self.layout.slots, self.degree)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Residues of one contribution: ciphertexts, 2 polynomials, primes, degree."""
        return self.ciphertexts, 2, len(self.chain.levels), self.degree

    @property
    def residue_bytes(self) -> int:
        """Bytes of one residue of a contribution."""
        return residue_bytes(self.chain.levels)

    @property
    def errors(self) -> Errors:
        """How large the error of a total can be."""
        return self._demand.errors_of(self.chain)

    @property
    def failure_bits(self) -> float:
        """Minus the logarithm of the probability that a total decrypts to something else."""
        return self._demand.failure_bits(self.chain)

    @cached_property
    def _demand(self) -> Demand:
        return _demand_of(self.fields, self.noises, self.clients, len(self.holders), self.smudging)

    def check(self) -> None:
        """Raise OutOfRange where the plan does not keep what plans promise."""
        check_name(self.name)
        if self.format != FORMAT or len(self.nonce) != 32 or not set(self.nonce) <= set("0123456789abcdef"):
            raise OutOfRange(f"not a plan of format {FORMAT}", fix="update the older side, or make the plan again")
        _check_people(self.contributors, self.clients, self.min_clients, self.holders, self.smudging)
        _check_questions(self.questions, self.rows)
        if self.noise:
            self.noise.check()
        check_parameters(self.primes, self.plain)
        if self.failure_bits < FAILURE_BITS:
            raise OutOfRange(
                f"with these parameters, a total decrypts wrongly with a probability of 2^-{self.failure_bits:.0f}",
                where="degree, primes and plain",
                fix="make the plan again; its parameters are chosen, not written by hand",
            )
        if not self.context.seal.first_context_data().qualifiers().using_batching:
            raise OutOfRange("the parameters do not allow one number per slot", where="plain and degree")


def plan_aggregation(
    name: str,
    questions: Sequence[EncryptedQuestion],
    *,
    contributors: Mapping[str, str],
    holders: Mapping[str, str],
    min_clients: int,
    clients: int | None = None,
    rows: int = 1,
    smudging: int = SMUDGING,
    noise: PrivateNoise | None = None,
) -> AggregationPlan:
    """Return a plan with the fewest bytes per contribution in which the sum cannot wrap, decrypts, and is secure.

    Args:
        name, questions, contributors, holders, min_clients, rows, noise: see `AggregationPlan`.
        clients: most clients whose contributions are added; by default all.
        smudging: bits of statistical security with which each of several holders hides its part.

    Raises:
        OutOfRange: something that cannot be planned, with what would have to change.
    """
    questions, most = tuple(questions), len(contributors) if clients is None else clients
    smudging = smudging if len(holders) > 1 else 0
    _check_people(contributors, most, min_clients, holders, smudging)
    _check_questions(questions, rows)
    if noise:
        noise.check()
    fields = [part for question in questions for part in question.fields(rows)]
    noises = field_noises(questions, rows, noise, len(holders)) if noise else ()
    chain = choose_chain(_demand_of(fields, noises, most, len(holders), smudging))
    plan = AggregationPlan(
        format=FORMAT,
        name=name,
        nonce=secrets.token_hex(16),
        questions=questions,
        rows=rows,
        contributors=dict(contributors),
        clients=most,
        min_clients=min_clients,
        holders=dict(holders),
        smudging=smudging,
        noise=noise,
        degree=chain.degree,
        primes=chain.primes,
        plain=chain.plain,
    )
    plan.check()
    return plan


def read_plan(data: bytes) -> AggregationPlan:
    """Return the plan that a document holds, after checking all that it promises.

    Raises:
        BadEnvelope: not a plan.
        OutOfRange: a plan that does not keep what plans promise.
    """
    if len(data) > MOST_BYTES:
        raise BadEnvelope(f"a plan of {len(data):,} bytes, where at most {MOST_BYTES:,} are expected")
    try:
        plan = msgspec.json.decode(data, type=AggregationPlan)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadEnvelope(f"not an aggregation plan: {error}", fix="have it sent again by whoever made it") from None
    plan.check()
    return plan


def _demand_of(
    fields: Sequence[Fields], noises: Sequence[FieldNoise], clients: int, holders: int, smudging: int
) -> Demand:
    count = sum(part.count for part in fields)
    shifts = [largest_noise(noise, count) for noise in noises] or [0] * len(fields)
    spans = [
        Span(part.count, clients * part.spread + 2 * shift + 1, shift)
        for part, shift in zip(fields, shifts, strict=True)
    ]
    return Demand(tuple(spans), clients, holders, smudging)


def _check_people(
    contributors: Mapping[str, str], clients: int, min_clients: int, holders: Mapping[str, str], smudging: int
) -> None:
    for who, public in (*contributors.items(), *holders.items()):
        check_name(who)
        check_public(public, who)
    for keys in (contributors, holders):
        if len(set(keys.values())) < len(keys):
            raise OutOfRange("two names have the same public key", why="one party would count as two")
    if not 2 <= min_clients <= clients <= len(contributors) <= MOST_CLIENTS:
        raise OutOfRange(
            f"at least {min_clients} and at most {clients} of {len(contributors)} clients cannot be added up",
            why="the total of a single client would tell what it contributed",
            fix=f"2 <= min-clients <= clients <= contributors <= {MOST_CLIENTS}",
        )
    if not 1 <= len(holders) <= MOST_HOLDERS:
        raise OutOfRange(f"{len(holders)} holders cannot share a key", fix=f"name 1 to {MOST_HOLDERS}")
    least, most = (LEAST_SMUDGING, MOST_SMUDGING) if len(holders) > 1 else (0, 0)
    if not least <= smudging <= most:
        raise OutOfRange(
            f"{smudging} bits of smudging, where {least} to {most} are possible with {len(holders)} holders",
            why="too few would tell of other holders' parts and of single contributions; a single holder needs none",
        )


def _check_questions(questions: Sequence[EncryptedQuestion], rows: int) -> None:
    if not 1 <= len(questions) <= MOST_QUESTIONS:
        raise OutOfRange(f"{len(questions)} questions are asked", fix=f"ask 1 to {MOST_QUESTIONS}")
    if not 1 <= rows <= MOST_ROWS:
        raise OutOfRange(f"a client cannot have {rows} rows", fix=f"1 to {MOST_ROWS}")
    for question in questions:
        question.check()
