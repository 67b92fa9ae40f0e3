"""Security: how many bits a modulus may have for 128 bits of classical security, with ternary secrets.

Sources: Albrecht et al., "Homomorphic Encryption Standard", HomomorphicEncryption.org 2018 (IACR ePrint 2019/939),
table 1; Bossuat et al., "Security Guidelines for Implementing Homomorphic Encryption", IACR ePrint 2024/463, table 5.2.
"""

from __future__ import annotations

from collections.abc import Mapping

from casemate.core.errors import OutOfRange

STANDARD_2018: Mapping[int, int] = {1024: 27, 2048: 54, 4096: 109, 8192: 218, 16384: 438, 32768: 881}
GUIDELINES_2024: Mapping[int, int] = {1024: 26, 2048: 53, 4096: 106, 8192: 214, 16384: 430, 32768: 868}
DEGREES = tuple(sorted(GUIDELINES_2024))


def most_bits(degree: int) -> int:
    """Return how many bits the product of all primes may have, by the stricter of the published tables.

    Args:
        degree: degree of the polynomials, a power of two from 1,024 to 32,768.

    Raises:
        OutOfRange: a degree that the tables do not hold.
    """
    if degree not in GUIDELINES_2024:
        raise OutOfRange(
            f"no security estimate is known for polynomials of degree {degree}",
            fix=f"choose one of {', '.join(map(str, DEGREES))}",
        )
    return min(STANDARD_2018[degree], GUIDELINES_2024[degree])
