"""Noise that hides every single client in a released total, drawn by those who hold the key.

Each holder adds to its part of the decryption as much noise as the guarantee takes. So the guarantee rests on one
honest holder, as the secrecy of single contributions does anyway, and the released total carries n times the variance
that one trusted party would need. Why the clients do not draw it: see decision 12.

The guarantee is for replacing all that one client contributed; that it took part is known to the server.

Sources: Dwork, McSherry, Nissim & Smith, TCC 2006; Canonne, Kamath & Steinke, "The Discrete Gaussian for Differential
Privacy", NeurIPS 2020, whose samplers OpenDP has; Bun & Steinke, "Concentrated Differential Privacy", TCC 2016.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from casemate.controls.aggregation import noise as vetted
from casemate.controls.aggregation.ledger import Budget, Entry, Ledger
from casemate.controls.encrypted_aggregation.questions import EncryptedQuestion, Fields
from casemate.core.errors import CasemateError, OutOfRange

LEAST_EPSILON, LARGEST_EPSILON = 1e-6, 100.0
_SLACK = 1e-6  # OpenDP rounds scales upwards, and losses too
_TAIL_BITS = 66


class PrivateNoise(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What a release may cost in privacy.

    Args:
        epsilon: bound on the privacy loss of one client.
        delta: probability with which that bound may fail. With 0, noise is from the discrete Laplace distribution; else
            from the discrete Gaussian one, which is far smaller for vectors.
    """

    epsilon: float
    delta: float = 0.0

    def check(self) -> None:
        """Raise OutOfRange where these are no epsilon and delta."""
        if not (LEAST_EPSILON <= self.epsilon <= LARGEST_EPSILON and 0 <= self.delta < 0.1):
            raise OutOfRange(
                f"epsilon {self.epsilon:g} and delta {self.delta:g} are no privacy loss",
                why="beyond these, noise would hide nobody, or everything",
                fix=f"an epsilon of {LEAST_EPSILON:g} to {LARGEST_EPSILON:g}, a delta of 0 or far below 1 / clients",
            )


@dataclass(frozen=True)
class FieldNoise:
    """The noise of one holder on each of some fields.

    Args:
        fields: which.
        epsilon, delta: the share of the privacy loss that these fields may cost.
        holders: how many add such noise.
    """

    fields: Fields
    epsilon: float
    delta: float
    holders: int

    @property
    def scale(self) -> float:
        """Of one holder's noise: Laplace's scale, or the Gaussian's standard deviation."""
        if not self.delta:
            return self.fields.l1 / self.epsilon * (1 + _SLACK)
        # rho-concentrated privacy is (rho + 2 sqrt(rho ln 1/delta), delta)-differential privacy; solved for rho
        log = math.log(1 / self.delta)
        rho = (math.sqrt(self.epsilon + log) - math.sqrt(log)) ** 2
        return self.fields.l2 / math.sqrt(2 * rho) * (1 + _SLACK)

    def tail(self, log: float) -> float:
        """Return what all holders' noise together exceeds with probability at most exp(-log), by Chernoff's bound."""
        if self.delta:
            return self.scale * math.sqrt(2 * self.holders * (log + math.log(2)))
        angles = np.linspace(0, 1, 514)[1:-1] / self.scale
        rate = 1 / self.scale
        # log E exp(a X) of the discrete Laplace distribution, P(X = k) proportional to exp(-rate |k|)
        moment = 2 * math.log(-math.expm1(-rate)) - np.log(np.expm1(angles - rate) * np.expm1(-angles - rate))
        return float(np.min((log + math.log(2) + self.holders * moment) / angles))

    def drawn(self) -> np.ndarray:
        """Return one holder's noise, (count,) int64.

        Raises:
            ExtraMissing: OpenDP is not installed.
            CasemateError: OpenDP reckons a larger loss than was planned.
        """
        zeros = np.zeros(self.fields.count, np.int64)
        if not self.delta:
            sensitivity = math.ceil(self.fields.l1)
            values, scale = vetted.laplace(zeros, sensitivity, self.epsilon)
            if scale > self.scale * (1 + _SLACK):
                raise self._unlike(scale)
            return values
        dp = vetted.opendp()
        space = dp.vector_domain(dp.atom_domain(T=int)), dp.l2_distance(T=float)
        measure = dp.m.make_gaussian(*space, scale=self.scale)
        bounded = dp.c.make_fix_delta(dp.c.make_zCDP_to_approxDP(measure), self.delta)
        if bounded.map(self.fields.l2)[0] > self.epsilon * (1 + _SLACK):
            raise self._unlike(self.scale)
        return np.array(measure(zeros.tolist()), np.int64)

    def _unlike(self, scale: float) -> CasemateError:
        return CasemateError(
            f"noise of scale {scale:g} costs more than epsilon {self.epsilon:g}, by OpenDP's own reckoning",
            fix="make the plan again with this version of Casemate",
        )


def field_noises(
    questions: Sequence[EncryptedQuestion], rows: int, noise: PrivateNoise, holders: int
) -> tuple[FieldNoise, ...]:
    """Return the noise on each kind of fields; the privacy loss is divided evenly over them (basic composition)."""
    every = [fields for question in questions for fields in question.fields(rows)]
    share = noise.epsilon / len(every), noise.delta / len(every)
    return tuple(FieldNoise(fields, *share, holders) for fields in every)


def largest_noise(noise: FieldNoise, fields: int) -> int:
    """Return what all holders' noise exceeds in none of so many fields, but with probability 2^-66."""
    return math.ceil(noise.tail(_TAIL_BITS * math.log(2) + math.log(fields)))


def charge(
    ledger: Ledger, budget: Budget, noise: PrivateNoise, *, question: str, actor: str, at: datetime.datetime
) -> Entry:
    """Pay for a release from an epsilon ledger, before anything is told; return the entry.

    Raises:
        BudgetSpent: the budget does not hold it; nothing is written.
        LedgerError: the ledger cannot be trusted, or is in use.
    """
    return ledger.spend(budget, noise.epsilon, noise.delta, question=question, actor=actor, at=at)
