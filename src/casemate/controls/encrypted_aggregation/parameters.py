"""Parameters: the smallest ring and modulus in which a sum cannot wrap, decrypts, and is 128-bit secure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from casemate.controls.encrypted_aggregation.failure import FAILURE_BITS, Errors
from casemate.controls.encrypted_aggregation.layout import Layout, Span, digits_within
from casemate.controls.homomorphic.chain import Chain, bfv_chain
from casemate.controls.homomorphic.library import library
from casemate.controls.homomorphic.security import DEGREES, most_bits
from casemate.core.errors import OutOfRange

WIDEST = 56
"""Bits of a prime or of a plaintext modulus: products of such residues are reduced with quotients in float64, and 256
residues added in 64 bits before any is reduced."""
MOST_BYTES = 1 << 30
"""Bytes of one contribution."""


@dataclass(frozen=True)
class Demand:
    """What parameters are looked for.

    Args:
        spans: what is added up.
        clients, holders, smudging: see `failure.Errors`.
    """

    spans: tuple[Span, ...]
    clients: int
    holders: int
    smudging: int

    def errors(self, degree: int, slots: int, divisor: int) -> Errors:
        """Return the errors of a total in so many slots; see `failure.Errors`."""
        coefficients = ciphertexts_for(slots, degree) * degree
        return Errors(degree, coefficients, divisor, self.clients, self.holders, self.smudging)

    def failure_bits(self, chain: Chain) -> float:
        """Return minus the logarithm of the probability that a total does not decrypt.

        Raises:
            OutOfRange: a total that is too large for a slot.
        """
        return self.errors_of(chain).failure_bits(math.prod(chain.levels), chain.plain)

    def errors_of(self, chain: Chain) -> Errors:
        """Return the errors of a total with a chain.

        Raises:
            OutOfRange: a total that is too large for a slot.
        """
        divisor = chain.primes[-1] if len(chain.primes) > 1 else 1
        return self.errors(chain.degree, Layout(self.spans, chain.plain).slots, divisor)


@dataclass(frozen=True, order=True)
class _Candidate:
    bytes: int
    degree: int
    sizes: tuple[int, ...]
    plain_bits: int


def choose_chain(demand: Demand) -> Chain:
    """Return the chain with the fewest bytes per contribution, and among these the smallest ring.

    Raises:
        OutOfRange: there is none, with what would have to change.
    """
    for candidate in sorted(_candidates(demand)):
        try:
            chain = bfv_chain(candidate.degree, candidate.sizes, candidate.plain_bits)
        except OutOfRange:  # too few primes of one of these sizes
            continue
        if demand.failure_bits(chain) >= FAILURE_BITS:
            return chain
    raise _refused(demand)


def check_parameters(primes: Sequence[int], plain: int) -> None:
    """Raise OutOfRange where numbers are no moduli of ours; whether they are prime, SEAL finds out.

    Args:
        primes, plain: see `Chain`.
    """
    largest = 1 << WIDEST
    if not primes or len({*primes, plain}) != len(primes) + 1 or not all(2 < one < largest for one in (*primes, plain)):
        raise OutOfRange(
            "the primes and the plaintext modulus are not those of a plan",
            where="primes and plain",
            fix=f"make the plan again; all are different, and below {largest}",
        )


def ciphertexts_for(slots: int, degree: int) -> int:
    """Return how many ciphertexts so many slots take."""
    return -(-slots // degree)


def residue_bytes(primes: Sequence[int]) -> int:
    """Return the whole bytes that a residue modulo any of these primes needs."""
    return max(-(-prime.bit_length() // 8) for prime in primes)


def _candidates(demand: Demand) -> Iterator[_Candidate]:
    for degree in DEGREES:
        for plain_bits in range(degree.bit_length() + 1, WIDEST + 1):
            plain = _plain(degree, plain_bits)
            slots = _slots(demand.spans, plain) if plain else 0
            if slots:
                yield from _of(demand, degree, plain_bits, slots)


def _of(demand: Demand, degree: int, plain_bits: int, slots: int) -> Iterator[_Candidate]:
    last = degree.bit_length() + 3  # a few bits above the least prime: it divides errors by thousands already
    for divisor_bits in (0, last, last + 1, last + 2):
        errors = demand.errors(degree, slots, 1 << max(0, divisor_bits - 1))
        least = math.ceil(errors.modulus_bits + plain_bits)
        for bits in range(least, least + 3):  # primes are somewhat smaller than their bits say
            count = -(-bits // WIDEST)
            if bits + divisor_bits > most_bits(degree) or (not divisor_bits and count > 1):
                continue
            sizes = tuple(bits // count + (place < bits % count) for place in range(count))
            if plain_bits in (*sizes, divisor_bits):  # the same prime must not serve both
                continue
            width = -(-max(sizes) // 8)
            size = ciphertexts_for(slots, degree) * 2 * count * degree * width
            if size <= MOST_BYTES:
                yield _Candidate(size, degree, sizes + (divisor_bits,) * bool(divisor_bits), plain_bits)


def _slots(spans: Sequence[Span], plain: int) -> int:
    digits = [digits_within(span.base, plain) for span in spans]
    return sum(-(-span.count // held) for span, held in zip(spans, digits, strict=True)) if all(digits) else 0


@cache
def _plain(degree: int, bits: int) -> int:
    """The largest prime of so many bits that allows one number per slot; 0 where there is none."""
    try:
        return int(library().PlainModulus.Batching(degree, bits).value())
    except (ValueError, RuntimeError):
        return 0


def _refused(demand: Demand) -> OutOfRange:
    largest = max(span.base for span in demand.spans)
    if (2 * largest).bit_length() > WIDEST:
        return OutOfRange(
            f"totals reach {largest:,}, and a slot holds numbers up to {1 << (WIDEST - 1):,}",
            why="a larger total would wrap, and come out as another number",
            fix="take a coarser step, narrower bounds, fewer rows or clients, or less noise (a larger epsilon)",
        )
    return OutOfRange(
        f"no parameters with 128 bits of security hold totals up to {largest:,} of {demand.clients} clients",
        why=f"a total has to decrypt wrongly with a probability of at most 2^-{FAILURE_BITS}, and with "
        f"{demand.holders} holders, each hides its part under {demand.smudging} bits of noise more",
        fix="ask for fewer numbers in one plan, a coarser step, fewer clients or holders, or fewer bits of smudging",
    )
