"""How large the error of a total can be, and how likely it is that a total decrypts to something else.

A total (c0, c1) of K ciphertexts under the secret s = s_1 + ... + s_n satisfies c0 + c1 s = (q / t) M + E modulo q, and
decrypts to M as long as |E| < q / 2t in every coefficient. What E consists of (SEAL 4.4: ``encrypt_zero_asymmetric``,
``divide_and_round_q_last``, ``multiply_add_plain_with_scaling_variant``; p is the last prime, which a fresh ciphertext
is divided by):

- for each client (e u + e0 + e1 s) / p, with the error e of the joint key, ternary u, and e0, e1 of SEAL's centred
  binomial distribution; without a last prime, the same undivided;
- for each client the rounding r0 + r1 s of that division, each coefficient in [-1/2, 1/2];
- for each client, and each holder that adds noise, the rounding of (q / t) m, at most 1/2;
- for each holder, what it adds on purpose to hide all the above (smudging), at most 2^b.

All the random parts (ternary, binomial, uniform) are sub-Gaussian with their own variance as proxy, as comparing their
moment generating functions with the Gaussian's term by term shows. So tails follow Chernoff's bound, and norms of s and
e follow Hsu, Kakade & Zhang, "A tail inequality for quadratic forms of subgaussian random vectors", 2012, theorem 2.1.
One thing is assumed and not proved, as everywhere in the field: that rounding errors are independent and uniform
(Costache, Laine & Player, "Evaluating the effectiveness of heuristic worst-case noise analysis in FHE", ESORICS 2020).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

FAILURE_BITS = 64
"""A total decrypts to something else with probability at most 2^-64."""
MOST_SMUDGING = 80

_ERROR = 10.5
"""Variance of SEAL's centred binomial errors: 21 bits minus 21 bits."""
_TERNARY = 2 / 3
_ROUNDING = 1 / 12
_NORM_BITS = 100
"""Norms of keys exceed their bounds with probability 2^-100 each."""
_TAIL_BITS = FAILURE_BITS + 1
_MARGIN = Fraction(1, 1 << 30)
"""Share of q / 2t that is kept free, so that rounding may be computed in float64."""


@dataclass(frozen=True)
class Errors:
    """The errors of a total.

    Args:
        degree: N, coefficients of a polynomial.
        coefficients: of all polynomials together.
        divisor: the last prime, which fresh ciphertexts are divided by; 1 where there is none.
        clients: ciphertexts that are added, K.
        holders: of a part of the key, n.
        smudging: by 2 to minus this power at most differs, in statistical distance, what a holder tells of a total from
            what could be made up from the total alone; 0 where a single holder decrypts, and tells nothing but the
            total.
    """

    degree: int
    coefficients: int
    divisor: int
    clients: int
    holders: int
    smudging: int

    @property
    def variance(self) -> float:
        """Variance proxy of one coefficient of the encryption's errors and the divisions' roundings."""
        key_error, secret = self._norm(_ERROR), self._norm(_TERNARY)
        fresh = (_TERNARY * key_error + _ERROR * secret + _ERROR) / float(self.divisor) ** 2
        return self.clients * (fresh + (_ROUNDING * (1 + secret) if self.divisor > 1 else 0.0))

    def _norm(self, variance: float) -> float:
        """Bound on the squared norm of a sum of one polynomial of each holder."""
        t = _NORM_BITS * math.log(2)
        return variance * self.holders * (self.degree + 2 * math.sqrt(self.degree * t) + 2 * t)

    @property
    def hidden(self) -> float:
        """Bound on what a holder hides, in every coefficient, with probability at least 1 - 2^-65."""
        return self._rounded + math.sqrt(2 * self.variance * math.log(2) * (1 + self._log_coefficients + _TAIL_BITS))

    @property
    def _rounded(self) -> float:
        return (self.clients + self.holders) / 2

    @property
    def _log_coefficients(self) -> float:
        return math.log2(self.coefficients)

    @property
    def smudging_bits(self) -> int:
        """b: a holder adds whole numbers drawn evenly from [-2^b, 2^b); 0 where it adds none.

        An even distribution over 2^(b+1) numbers that is moved by x differs from itself by x / 2^(b+1) in statistical
        distance; summed over all coefficients, that is at most 2^-smudging.
        """
        if not self.smudging:
            return 0
        return max(1, math.ceil(math.log2(self.hidden) + self._log_coefficients) + self.smudging - 1)

    @property
    def smudged(self) -> int:
        """Bound on what all holders add together."""
        return self.holders << self.smudging_bits if self.smudging else 0

    @property
    def modulus_bits(self) -> float:
        """Logarithm of the least q / t with which totals decrypt."""
        return 1 + math.log2(self.smudged + math.ceil(self.hidden)) + float(_MARGIN)

    def failure_bits(self, modulus: int, plain: int) -> float:
        """Return minus the logarithm of the probability that a total decrypts to something else; at most 98.

        Args:
            modulus: q.
            plain: t.
        """
        room = float(Fraction(modulus, 2 * plain) * (1 - _MARGIN) - self.smudged) - self._rounded
        if room <= 0:
            return 0.0
        tail = 1 + self._log_coefficients - room * room / (2 * self.variance) / math.log(2)
        return max(0.0, -_log_sum(tail, 2 - _NORM_BITS))


def _log_sum(*logs: float) -> float:
    """Logarithm, to base 2, of a sum of powers of 2."""
    most = max(logs)
    return most + math.log2(sum(2.0 ** (log - most) for log in logs))
