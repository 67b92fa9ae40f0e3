from __future__ import annotations

import numpy as np
import pytest

from casemate.controls.encrypted_aggregation import joint_key
from casemate.controls.encrypted_aggregation.joint_key import common_polynomial, join, read_key
from casemate.controls.encrypted_aggregation.key_holder import KeyHolder
from casemate.core.errors import (
    BadEnvelope,
    EncryptedError,
    KeyServed,
    NotCanonical,
    ShareMissing,
    WrongKey,
    WrongPlan,
)
from encrypted_rounds import Round, new_round


@pytest.fixture(scope="module")
def three() -> Round:
    return new_round(3, 3)


@pytest.mark.parametrize("holders", [1, 3])
def test_a_joint_key_survives_being_a_message(holders: int) -> None:
    people = new_round(2, holders)
    again = read_key(people.plan, people.key.data)
    assert np.array_equal(again.values, people.key.values)
    assert again.fingerprint == people.key.fingerprint
    shares = [holder.share(people.commitments) for holder in people.holders]
    assert join(people.plan, reversed(shares)).fingerprint == again.fingerprint  # in any order


def test_the_joint_key_is_the_sum_of_all_shares(three: Round) -> None:
    chain = three.plan.chain
    total = np.zeros((len(chain.primes), chain.degree), np.uint64)
    for holder in three.holders:
        data = memoryview(holder._state.share)
        share = joint_key.residue_arrays.unpacked(
            data, total.shape, joint_key.residue_bytes(chain.primes), chain.primes
        )
        total = (total + share) % np.array(chain.primes, np.uint64)[:, None]
    assert np.array_equal(three.key.values[0], total)
    assert np.array_equal(three.key.values[1], common_polynomial(three.plan))


def test_the_common_polynomial_is_even_and_the_plans_own() -> None:
    one, other = (common_polynomial(new_round(2, 2).plan) for _ in range(2))
    assert not np.array_equal(one, other)
    plan = new_round(2, 2).plan
    values = common_polynomial(plan)
    assert np.array_equal(values, common_polynomial(plan))
    for row, prime in zip(values, plan.chain.primes, strict=True):
        counts, _ = np.histogram(row, 16, (0, prime))
        assert ((counts - plan.degree / 16) ** 2 / (plan.degree / 16)).sum() < 60


def test_nobody_opens_before_all_have_committed(three: Round) -> None:
    holder = KeyHolder.new(three.plan, three.identities[0])
    some = {"holder0": holder.commitment, "holder1": three.commitments["holder1"]}
    with pytest.raises(ShareMissing, match="holder2 has not committed"):
        holder.share(some)


def test_a_missing_share_is_named(three: Round) -> None:
    shares = [holder.share(three.commitments) for holder in three.holders]
    with pytest.raises(ShareMissing, match="holder1"):
        join(three.plan, [shares[0], shares[2]])


def test_a_share_that_was_chosen_after_the_others_is_refused() -> None:
    """The rogue key: its own key, minus the others' shares, so that the joint key is its own alone."""
    people = new_round(2, 2)
    honest, rogue = people.holders
    opened = honest.share(people.commitments)
    chain = people.plan.chain
    shape, width = (1, len(chain.primes), chain.degree), joint_key.residue_bytes(chain.primes)
    own, other = (
        joint_key.residue_arrays.unpacked(memoryview(holder._state.share), shape, width, chain.primes)
        for holder in (rogue, honest)
    )
    primes = np.array(chain.primes, np.uint64)[:, None]
    chosen = joint_key.packed_share(people.plan, (own + primes - other) % primes)
    for commitments in (
        people.commitments,
        people.commitments | {"holder1": joint_key.commitment(people.plan, "holder1", chosen)},
    ):
        late = joint_key.signed_share(people.plan, people.identities[1], commitments, chosen)
        with pytest.raises(WrongKey, match="had agreed on"):
            join(people.plan, [opened, late])
    with pytest.raises(KeyServed, match="opened before"):  # and the honest one does not agree to another list
        honest.share(people.commitments | {"holder1": joint_key.commitment(people.plan, "holder1", chosen)})
    with pytest.raises(WrongKey, match="was replaced"):
        KeyHolder.new(people.plan, people.identities[0]).share(people.commitments)


def test_a_share_given_twice_in_two_ways_is_refused(three: Round) -> None:
    shares = [holder.share(three.commitments) for holder in three.holders]
    another = KeyHolder.new(three.plan, three.identities[0])
    second = another.share(three.commitments | {"holder0": another.commitment})
    with pytest.raises(WrongKey, match="two shares"):
        join(three.plan, [*shares, second])
    with pytest.raises(WrongKey, match="had agreed on"):
        join(three.plan, [second, *shares[1:]])


def test_altered_and_foreign_keys_are_refused(three: Round) -> None:
    data, other = three.key.data, new_round(3, 3)
    with pytest.raises(WrongPlan):
        read_key(other.plan, data)
    rng = np.random.default_rng(0)
    for place in [*range(80), *rng.integers(len(data), size=40).tolist()]:
        altered = bytearray(data)
        altered[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(EncryptedError):
            read_key(three.plan, bytes(altered))
    for wrong in (b"", data[:-1], data + b"0", data[:50]):
        with pytest.raises(BadEnvelope):
            read_key(three.plan, wrong)
    with pytest.raises((NotCanonical, BadEnvelope)):
        read_key(three.plan, data[:7] + b"\1" + data[8:])
