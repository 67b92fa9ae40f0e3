"""Chain: the parameters of an encryption scheme, degree and primes, checked for 128 bits of security."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import msgspec

from casemate.controls.homomorphic.library import library
from casemate.controls.homomorphic.security import most_bits
from casemate.core.errors import OutOfRange

Scheme = Literal["ckks", "bfv"]


@dataclass(frozen=True)
class Chain:
    """Which ring ciphertexts live in.

    Args:
        scheme: CKKS for real numbers, BFV for whole ones.
        degree: degree N of the polynomials.
        primes: the primes of the modulus; where there are several, the last one only serves to switch keys, and
            ciphertexts are modulo the others.
        plain: BFV's plaintext modulus; 0 for CKKS.

    Raises:
        OutOfRange: fewer than 128 bits of security, by the stricter of the published tables.
    """

    scheme: Scheme
    degree: int
    primes: tuple[int, ...]
    plain: int = 0

    def __post_init__(self) -> None:
        allowed = most_bits(self.degree)
        if self.bits > allowed:
            raise OutOfRange(
                f"a modulus of {self.bits} bits is too large for polynomials of degree {self.degree}",
                why=f"128 bits of security need at most {allowed} bits (IACR ePrint 2024/463, table 5.2)",
                fix="fewer or smaller primes, or a larger degree",
            )

    @property
    def bits(self) -> int:
        """Bits of the product of all primes."""
        product = 1
        for prime in self.primes:
            product *= prime
        return product.bit_length()

    @property
    def levels(self) -> tuple[int, ...]:
        """The primes that ciphertexts are modulo at the top."""
        return self.primes[:-1] if len(self.primes) > 1 else self.primes

    @property
    def slots(self) -> int:
        """How many values a CKKS ciphertext holds in slots."""
        return self.degree // 2

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that decides whether two ciphertexts can meet, in hexadecimal."""
        told = msgspec.json.encode((self.scheme, self.degree, list(map(str, self.primes)), str(self.plain)))
        return hashlib.sha256(told).hexdigest()


def ckks_chain(degree: int, bits: tuple[int, ...]) -> Chain:
    """Return a CKKS chain whose primes have these sizes, the largest such primes; the last one switches keys.

    Raises:
        OutOfRange: see `Chain`; or no such primes.
    """
    return Chain("ckks", degree, _primes(degree, bits))


def bfv_chain(degree: int, bits: tuple[int, ...], plain_bits: int) -> Chain:
    """Return a BFV chain whose plaintext modulus allows one whole number in each of ``degree`` slots.

    Raises:
        OutOfRange: see `Chain`; or no such primes.
    """
    seal = library()
    return Chain("bfv", degree, _primes(degree, bits), int(seal.PlainModulus.Batching(degree, plain_bits).value()))


def _primes(degree: int, bits: tuple[int, ...]) -> tuple[int, ...]:
    if sum(bits) > most_bits(degree):  # before the library spends time on it
        raise OutOfRange(
            f"primes of {'+'.join(map(str, bits))} bits are too many for polynomials of degree {degree}",
            why=f"128 bits of security need at most {most_bits(degree)} bits (IACR ePrint 2024/463, table 5.2)",
            fix="fewer or smaller primes, or a larger degree",
        )
    try:
        return tuple(int(prime.value()) for prime in library().CoeffModulus.Create(degree, list(bits)))
    except (ValueError, RuntimeError) as error:
        raise OutOfRange(f"there are no primes of {bits} bits for degree {degree}: {error}") from error
