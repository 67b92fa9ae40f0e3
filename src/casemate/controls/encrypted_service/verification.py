"""Verification: what was measured of a program before it is trusted, as one record, and what follows from it.

Whoever reads the record can judge it again: `judged` computes from it alone, and every report is a function of it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from casemate.controls.homomorphic.security import GUIDELINES_2024, STANDARD_2018
from casemate.core.errors import BadEnvelope
from casemate.core.statistics import clopper_pearson

FORMAT: Literal["casemate verification 1"] = "casemate verification 1"
LEVEL = 0.95
"""Confidence of the one-sided bound on how many decisions are the same."""

LEAST_P = 1e-6
"""A ciphertext whose numbers are less likely to be uniform than this is taken for one that is not."""

Verdict = Literal["held", "broken", "inconclusive"]


class Errors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far decrypted scores are off.

    Args:
        largest, mean: over all scores of all rows, absolute, against the program in the clear.
        tolerance: what the program promises.
        probability: the largest difference of a probability from the model's; None without a model.
    """

    largest: float
    mean: float
    tolerance: float
    probability: float | None = None


class Decisions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was decided of rows.

    Args:
        rows: how many.
        same: of how many the decision was that of ``against``.
        against: the model that they were compared with; "the program in the clear" where none was given.
        certified: of how many the bound of a score's error is under half the margin between the two largest scores in
            the clear, so that encryption cannot change the decision. The bound is proved for linear layers, and the
            tolerance for everything else.
        needed: the share of decisions that must be the same.
    """

    rows: int
    same: int
    against: str
    certified: int
    needed: float

    @property
    def low(self) -> float:
        """Below this, the share of decisions that are the same lies with 5 % probability (Clopper & Pearson, 1934)."""
        return clopper_pearson(self.same, self.rows, 2 * LEVEL - 1).low

    @property
    def high(self) -> float:
        """Above this, the share of decisions that are the same lies with 5 % probability."""
        return clopper_pearson(self.same, self.rows, 2 * LEVEL - 1).high


class Headroom(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much room there is in an answer.

    Args:
        answer_bits: of the largest score on the rows, times the scale.
        modulus_bits: of what answers are modulo.
        mask_bits: by how many bits what hides partial sums is larger than they are on the rows; None where no partial
            sum leaves the server.
        flood: standard deviation of the noise that the program adds to scores; 0 for none.
    """

    answer_bits: float
    modulus_bits: float
    mask_bits: float | None
    flood: float

    @property
    def free_bits(self) -> float:
        """By how many bits scores could be larger before they wrap around."""
        return self.modulus_bits - 1 - self.answer_bits


class Security(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters.

    Args:
        scheme: of encryption.
        degree: of the polynomials.
        primes: bits of each prime.
        bits: of the product of all primes.
    """

    scheme: str
    degree: int
    primes: tuple[int, ...]
    bits: int

    @property
    def allowed(self) -> dict[str, int]:
        """How many bits 128 bits of security allow, by each of the published tables."""
        return {
            "2018 standard (IACR ePrint 2019/939, table 1)": STANDARD_2018.get(self.degree, 0),
            "2024 guidelines (IACR ePrint 2024/463, table 5.2)": GUIDELINES_2024.get(self.degree, 0),
        }


class Sizes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes: of a query and its reply, of a registration with all keys, and of the public program.

    ``rows`` is how many rows one query holds at most; bytes and times are of one that is as full as the rows allow.
    """

    query: int
    reply: int
    registration: int
    public: int
    rows: int = 1


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a step took: medians and the worst, in milliseconds, of processor and of wall clock."""

    step: str
    cpu: float
    wall: float
    worst: float


class Mutation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to tamper with messages: who must refuse, how often it was tried, and how often it was refused."""

    what: str
    by: Literal["server", "client"]
    tried: int
    refused: int


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the server saw of a made-up row: each feature's median over the rows, so that nobody's row is told.

    Args:
        names: of the features; numbers from 1 where they have none.
        row: the features of the row.
        low, high: the ranges that the public program tells of, to draw the row in.
        bins: how many residues of the query lie in each of equally wide parts of 0 to the prime.
        p: probability that uniform numbers lie in them as unevenly (chi-squared test).
        sample: residues one after the other, as shades from 0 to 255.
        alike: share of residues that were the same when the same row was encrypted again.
    """

    names: tuple[str, ...]
    row: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    bins: tuple[int, ...]
    p: float
    sample: bytes
    alike: float


class Verification(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was measured of a program.

    Args:
        format: version of this record.
        when: ISO 8601, UTC.
        name: what the owner calls the program.
        program: SHA-256 of the public program, in hexadecimal.
        file: SHA-256 of the program file, with its weights.
        kind: how rows are packed.
        semantics: in what sense scores equal the model's, as the program says.
        rows: where the rows came from.
        refused: how many rows there a client refuses to encrypt, for they lie outside the calibrated ranges.
        errors, decisions, headroom, security, sizes, times, mutations, seen: see there.
        decisions: None where the model answers with numbers.
        environment: versions, interpreter and machine.
    """

    format: Literal["casemate verification 1"] = FORMAT
    when: str
    name: str
    program: str
    file: str
    kind: str
    semantics: str
    rows: str
    refused: int
    errors: Errors
    decisions: Decisions | None
    headroom: Headroom
    security: Security
    sizes: Sizes
    times: tuple[Time, ...]
    mutations: tuple[Mutation, ...]
    seen: Seen
    environment: dict[str, str]

    @property
    def verdict(self) -> Verdict:
        """The worst of all verdicts."""
        found = {check.verdict for check in judged(self)}
        return "broken" if "broken" in found else "inconclusive" if "inconclusive" in found else "held"


class Check(msgspec.Struct, frozen=True):
    """One thing that must hold: what it is called, whether it does, and in words why."""

    name: str
    verdict: Verdict
    told: str


def judged(record: Verification) -> tuple[Check, ...]:
    """Return what follows from a record."""
    checks = [_errors(record.errors), *([_decisions(record.decisions)] if record.decisions else [])]
    return (*checks, _room(record.headroom), _security(record.security), _seen(record.seen), _tampering(record))


def read_verification(data: bytes) -> Verification:
    """Return a record that came from outside.

    Raises:
        BadEnvelope: it is none.
    """
    try:
        return msgspec.json.decode(data, type=Verification)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise BadEnvelope(f"not a verification of a program: {error}") from error


def _held(holds: bool) -> Verdict:
    return "held" if holds else "broken"


def _errors(errors: Errors) -> Check:
    told = f"scores are off by at most {errors.largest:.2g}, on average {errors.mean:.2g}"
    return Check("error", _held(errors.largest <= errors.tolerance), f"{told}; {errors.tolerance:.2g} is promised")


def _decisions(found: Decisions) -> Check:
    verdict: Verdict = (
        "held" if found.low >= found.needed else "broken" if found.high < found.needed else "inconclusive"
    )
    told = f"{found.same:,} of {found.rows:,} decisions are those of {found.against}: at least {found.low:.1%} of all"
    sure = f"in {found.certified:,}, no error of encryption within its bound could change the decision"
    return Check("decisions", verdict, f"{told} with 95% confidence, where {found.needed:.0%} are needed; {sure}")


def _room(room: Headroom) -> Check:
    mask = "no partial sum leaves the server" if room.mask_bits is None else f"masked by {room.mask_bits:.0f} bits"
    told = f"scores could be {max(room.free_bits, 0):.0f} bits larger before they wrap around; {mask}"
    return Check("headroom", _held(room.free_bits >= 1 and (room.mask_bits is None or room.mask_bits > 0)), told)


def _security(found: Security) -> Check:
    least = min(found.allowed.values())
    told = f"a modulus of {found.bits} bits for degree {found.degree:,}, where 128 bits of security allow {least}"
    return Check("security", _held(0 < found.bits <= least), told)


def _seen(seen: Seen) -> Check:
    told = f"nothing tells the query from random numbers (p = {seen.p:.2g}); encrypted again, {seen.alike:.2%} is alike"
    return Check("secrecy", _held(seen.p >= LEAST_P and seen.alike < 0.01), told)


def _tampering(record: Verification) -> Check:
    tried, refused = (sum(getattr(one, name) for one in record.mutations) for name in ("tried", "refused"))
    passed = [one.what for one in record.mutations if one.refused < one.tried]
    told = f"{refused:,} of {tried:,} altered messages were refused, {len(record.mutations)} kinds"
    return Check(
        "tampering", _held(tried > 0 and not passed), f"{told}; accepted: {', '.join(passed)}" if passed else told
    )
