"""Decryption replay: work out the secret key from results that clients decrypted and told."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from casemate.attacks.interception.modular import solve
from casemate.attacks.interception.textbook import talkative_system
from casemate.core.access import Access
from casemate.core.attack import attack
from casemate.core.errors import DataError
from casemate.core.evidence import Evidence
from casemate.core.tap import Exchange, Tap
from casemate.core.target import Target
from casemate.core.wire import Ring

SPARE = 16
"""Equations beyond the number of unknowns, for those that say the same."""

MOST_DEGREE = 4096
"""Unknowns that are solved for; twice as many take eight times as long."""

AT_ONCE = 256
PATIENCE = 4
"""Times as many rows are asked as it takes, at most, where clients refuse some."""


@attack(
    "interception.decryption-replay",
    threat="key-recovery",
    needs=Access(population=True, server=True),
    requires=("ring",),
    twin=talkative_system,
)
def decryption_replay(target: Target) -> Evidence:
    """Solve for the secret polynomial, with what the owner's policy has clients tell of their answers.

    A decrypted number, to its last digit, is a coefficient of c0 + c1 s: a linear equation in the coefficients of s
    modulo the prime, whatever was encrypted. As many answers as there are coefficients give s by Gaussian elimination;
    it counts as found where all its coefficients are -1, 0 or 1. With it the attacker reads answers of which nothing
    was told. Noise that the server added before it sent a ciphertext changes nothing, for it is in c0; noise that
    clients add after they decrypted makes the equations wrong. Labels, or nothing, give no equations.

    That it fails is no proof: noise may stop this attack and still be too little for others. How much suffices is told
    in Li, Micciancio, Schultz & Sorrell, CRYPTO 2022 (ePrint 2022/816).

    Source: Li & Micciancio, EUROCRYPT 2021 (ePrint 2020/1533).

    Raises:
        DataError: no row of the attacker's own that is answered.
    """
    tap = target.tap
    ring = tap.ring
    assert ring is not None  # the attack requires one
    told = _told(target, tap, ring)
    beyond = told is not None and ring.degree > MOST_DEGREE
    key, note = (None, _silence(tap)) if told is None else _recovered(*told, ring)
    read = [None if key is None else numbers(tap.polynomials(one.reply), key, ring) for one in tap.unread()]
    figures = {"unknowns": float(ring.degree), "numbers told": 0.0 if told is None else float(len(told[1]))}
    evidence = replace(tap.judge_read(read), figures=figures, notes=(note,))
    return replace(evidence, perhaps=np.ones(len(evidence), dtype=bool)) if beyond else evidence


def _silence(tap: Tap) -> str:
    return "clients tell labels only" if tap.share == "labels" else "clients tell nothing of what they decrypted"


def _told(target: Target, tap: Tap, ring: Ring) -> tuple[np.ndarray, np.ndarray] | None:
    """What follows from answers that were told, as many as it takes or as the queries reach; None where none are."""
    own, rng, left = target.population.X, target.common_rng, target.queries_left
    wanted = math.ceil((ring.degree + SPARE) / len(ring.places))
    most = PATIENCE * wanted if left is None else min(PATIENCE * wanted, left)
    known, asked, answered = [], 0, 0
    while len(own) and asked < most and answered < wanted:  # clients refuse some rows
        some = own[rng.integers(len(own), size=min(wanted - answered, most - asked, AT_ONCE))]
        seen = tap.exchanges(some)
        if tap.share != "scores":
            return None
        asked, answered = asked + len(some), answered + len(seen)
        known.append(equations(seen, tap, ring))
    if not sum(len(right) for _, right in known):
        raise DataError(
            "no row of the attacker's own was answered",
            where="[data] test, or [access] queries",
            fix="give test rows within the ranges that the model was trained on, and more queries",
        )
    return np.concatenate([matrix for matrix, _ in known]), np.concatenate([right for _, right in known])


def _recovered(matrix: np.ndarray, right: np.ndarray, ring: Ring) -> tuple[np.ndarray | None, str]:
    """The secret polynomial, (degree,) of -1, 0 and 1, or None; and what came of the attempt."""
    if ring.degree > MOST_DEGREE:
        return None, f"{ring.degree:,} unknowns are more than are solved for here: the answers may have been read"
    if len(right) < ring.degree:
        return None, f"{len(right):,} numbers were told, of {ring.degree:,} that it takes; more queries would do"
    for start in range(len(right) - ring.degree + 1):
        rows = slice(start, start + ring.degree)
        found = solve(matrix[rows], right[rows], ring.prime)
        if found is not None:
            signed = np.where(found > ring.prime // 2, found - ring.prime, found)
            if np.abs(signed).max() <= 1:
                return signed, f"the secret key followed from {ring.degree:,} numbers that clients told"
            return None, "the equations contradict each other: what clients tell is not what they decrypted"
    return None, "the equations say too little"


def equations(told: list[Exchange], tap: Tap, ring: Ring) -> tuple[np.ndarray, np.ndarray]:
    """Return what is known of s: a matrix (m, degree) and right sides (m,), int64 modulo the prime."""
    powers = np.arange(ring.degree)
    left, right = [np.empty((0, ring.degree), np.int64)], []
    for one in told:
        if one.told is None:
            continue
        pairs = tap.polynomials(one.reply)
        for number, pair, place in zip(one.told, ring.pairs, ring.places, strict=True):
            c0, c1 = pairs[pair]
            turned = c1[(place - powers) % ring.degree]
            left.append(np.where(powers <= place, turned, -turned % ring.prime)[None])  # X^degree is -1
            right.append((round(float(number) * ring.scale) - int(c0[place])) % ring.prime)
    return np.concatenate(left), np.array(right, np.int64)


def numbers(pairs: np.ndarray, key: np.ndarray, ring: Ring) -> np.ndarray:
    """Return the numbers (k,) that an answer holds, for whoever knows the key."""
    powers, found = np.arange(ring.degree), []
    for pair, place in zip(ring.pairs, ring.places, strict=True):
        c0, c1 = pairs[pair]
        turned = np.where(powers <= place, 1, -1) * key * c1[(place - powers) % ring.degree]
        value = (int(c0[place]) + int(turned.sum())) % ring.prime  # the sum is below degree times prime, 2^63
        found.append((value - (value > ring.prime // 2) * ring.prime) / ring.scale)
    return np.array(found)
