from __future__ import annotations

import math

import numpy as np
import pytest

from casemate.controls.encrypted_aggregation.combining import combine
from casemate.controls.encrypted_aggregation.failure import Errors
from casemate.controls.encrypted_aggregation.secret_parts import SharedSecret, SoleSecret
from casemate.controls.encrypted_aggregation.totals import Total
from casemate.controls.homomorphic.residues import Residues, ciphertext_of
from encrypted_rounds import Round, incomes, new_round


def test_more_of_anything_makes_errors_larger() -> None:
    base = {"degree": 4096, "coefficients": 4096, "divisor": 1 << 17, "clients": 50, "holders": 3, "smudging": 40}
    first = Errors(**base)
    for what in ("clients", "holders", "coefficients"):
        assert Errors(**base | {what: 2 * base[what]}).hidden > first.hidden
    assert Errors(**base | {"divisor": 1}).hidden > 5 * first.hidden
    assert Errors(**base | {"smudging": 50}).smudging_bits == first.smudging_bits + 10
    assert Errors(**base | {"smudging": 0}).smudged == 0


def test_the_least_modulus_is_enough_and_a_little_less_is_not() -> None:
    for holders, smudging in ((1, 0), (3, 40), (7, 60)):
        errors = Errors(4096, 8192, 1 << 17, 100, holders, smudging)
        plain = (1 << 20) + 7
        enough = math.ceil(plain * 2.0**errors.modulus_bits * (1 + 2.0**-20))
        assert errors.failure_bits(enough, plain) >= 64
        assert errors.failure_bits(enough * 9 // 10, plain) < 60


def test_smudging_covers_the_errors_by_the_bits_that_were_asked_for() -> None:
    errors = Errors(4096, 4096, 1 << 17, 50, 3, 40)
    distance = errors.coefficients * errors.hidden / 2 ** (errors.smudging_bits + 1)
    assert 2.0**-42 < distance <= 2.0**-40


def unrounded(people: Round, total: Total) -> np.ndarray:
    """The errors of a total before anybody smudges, computed with whole numbers; needs all holders' secrets."""
    chain, values = people.plan.chain, total.values[0]
    if len(people.holders) == 1:
        secret = SharedSecret(people.plan.context)  # in place of the sole one, over the same primes
        limbs = len(chain.primes) * chain.degree * 8
        held = people.holders[0]._secret.data()
        data = bytearray(secret.data())
        data[-limbs - 8 * chain.degree : -8 * chain.degree] = held[-limbs:]
        secrets = [SharedSecret(people.plan.context, bytes(data))]
    else:
        secrets = [holder._secret for holder in people.holders]
    opened = values[0].copy()
    for secret in secrets:
        assert isinstance(secret, SharedSecret)
        opened = (opened + secret._part(values, 0)) % np.array(chain.levels, np.uint64)[:, None]
    q, t = math.prod(chain.levels), chain.plain
    whole = [0] * chain.degree
    for row, prime in zip(opened, chain.levels, strict=True):
        others = q // prime
        factor = others * pow(others, -1, prime)
        whole = [number + int(digit) * factor for number, digit in zip(whole, row, strict=True)]
    return np.array([((t * number + q // 2) % q - q // 2) / t for number in whole])


@pytest.mark.parametrize("holders", [1, 3])
def test_errors_at_the_planned_maximum_stay_within_their_bound(holders: int) -> None:
    """At the most clients that the plan allows, each of them at its upper bound."""
    people = new_round(24, holders)
    total = people.added(people.contributions([{"income": [100.0]}] * 24)).total()
    errors = people.plan.errors
    found = unrounded(people, total)
    assert errors.hidden / 30 < np.abs(found).max() < errors.hidden  # the bound is a bound, and no fantasy
    assert 0.6 * errors.variance < found.var() < errors.variance


def test_seal_sees_the_noise_budget_that_was_planned() -> None:
    people = new_round(24, 1)
    total = people.added(people.contributions([{"income": [100.0]}] * 24)).total()
    errors, chain = people.plan.errors, people.plan.chain
    room = math.prod(chain.levels) / (2 * chain.plain)
    held = ciphertext_of(Residues(total.values[0], 1.0, False), people.plan.context)
    secret = people.holders[0]._secret
    assert isinstance(secret, SoleSecret)
    budget = secret._decryptor.invariant_noise_budget(held)
    assert budget >= math.floor(math.log2(room / errors.hidden)) >= 0
    assert 2.0**-budget * room > errors.hidden / 64


def test_with_smudging_the_room_is_used_and_not_exceeded() -> None:
    people = new_round(8, 3)
    contributions = people.contributions(incomes(8))
    total = people.added(contributions).total()
    result = combine(total, [holder.part(total, contributions=contributions) for holder in people.holders])
    errors, chain = people.plan.errors, people.plan.chain
    room = math.prod(chain.levels) / (2 * chain.plain)
    assert result.largest_error is not None
    # sums of three even distributions over 4,096 coefficients come near their ends, and never to them
    assert 0.5 < result.largest_error * room / (errors.smudged + errors.hidden) < 1
    assert result.largest_error < 1
