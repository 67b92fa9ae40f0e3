from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.encrypted_aggregation import messages, residue_arrays
from casemate.controls.encrypted_aggregation.aggregator import Aggregator
from casemate.controls.encrypted_aggregation.identity import Identity
from casemate.controls.encrypted_aggregation.messages import Kind
from casemate.controls.homomorphic.residues import Residues, ciphertext_of, residues_of
from casemate.core.errors import (
    BadEnvelope,
    EncryptedError,
    NotCanonical,
    NotEnrolled,
    PlanFull,
    Replayed,
    TooFewContributions,
    WrongKey,
    WrongPlan,
)
from encrypted_rounds import Round, incomes, new_round


@pytest.fixture(scope="module")
def people() -> Round:
    return new_round(4, min_clients=3)


@pytest.fixture(scope="module")
def contributions(people: Round) -> list[bytes]:
    return people.contributions(incomes(4))


def with_values(people: Round, values: np.ndarray, place: int = 0) -> bytes:
    """A message of these residues that is signed as it should be."""
    body = residue_arrays.packed(values, people.plan.residue_bytes)
    return messages.signed(Kind.CONTRIBUTION, people.plan.digest, people.key.fingerprint, people.clients[place], body)


def test_the_sum_is_bit_for_bit_seals(people: Round, contributions: list[bytes]) -> None:
    plan = people.plan
    total = people.added(contributions).total()
    size = int(np.prod(plan.shape)) * plan.residue_bytes
    arrays = [
        residue_arrays.unpacked(memoryview(one)[-64 - size : -64], plan.shape, plan.residue_bytes, plan.chain.levels)
        for one in contributions
    ]
    theirs = ciphertext_of(Residues(arrays[0][0], 1.0, False), plan.context)
    for values in arrays[1:]:
        theirs = plan.context.evaluator.add(theirs, ciphertext_of(Residues(values[0], 1.0, False), plan.context))
    assert np.array_equal(total.values[0], residues_of(theirs).values)
    assert [receipt.name for receipt in total.receipts] == [f"client{number}" for number in range(4)]


def test_the_order_of_contributions_changes_nothing(people: Round, contributions: list[bytes]) -> None:
    assert people.added(contributions).total().data == people.added(contributions[::-1]).total().data


def test_a_client_counts_once(people: Round, contributions: list[bytes]) -> None:
    aggregator = people.added(contributions[:3])
    before = aggregator.total().data
    for again in (contributions[1], people.contributor(1).encrypt({"income": 0.0})):
        with pytest.raises(Replayed, match="client1"):
            aggregator.add(again)
    assert aggregator.total().data == before
    assert len(aggregator) == 3


def test_no_more_are_added_than_were_planned_for() -> None:
    people = new_round(4, clients=3)
    contributions = people.contributions(incomes(4))
    aggregator = people.added(contributions[:3])
    with pytest.raises(PlanFull, match="3 clients"):
        aggregator.add(contributions[3])
    assert aggregator.contributors == ("client0", "client1", "client2")


def test_a_total_of_few_is_not_released(people: Round, contributions: list[bytes]) -> None:
    aggregator = people.added(contributions[:2])
    with pytest.raises(TooFewContributions, match="2 clients have contributed"):
        aggregator.total()
    aggregator.add(contributions[2])
    assert len(aggregator.total().receipts) == 3


def test_contributions_of_other_rounds_are_refused(people: Round, contributions: list[bytes]) -> None:
    other = new_round(4, min_clients=3)
    with pytest.raises(WrongPlan):
        other.added(contributions)
    same_plan = Round(people.plan, people.clients, people.identities)  # with another key
    with pytest.raises(WrongKey):
        same_plan.added(contributions)


def test_strangers_and_impostors_are_refused(people: Round, contributions: list[bytes]) -> None:
    plan, key = people.plan, people.key
    size = int(np.prod(plan.shape)) * plan.residue_bytes
    body = contributions[0][-64 - size : -64]
    for name, error in (("stranger", NotEnrolled), ("client1", BadEnvelope)):
        forged = messages.signed(Kind.CONTRIBUTION, plan.digest, key.fingerprint, Identity.new(name), body)
        with pytest.raises(error):
            Aggregator(key).add(forged)


def test_residues_that_are_not_canonical_are_refused_and_leave_no_trace(
    people: Round, contributions: list[bytes]
) -> None:
    plan = people.plan
    aggregator = people.added(contributions[1:])
    before = aggregator.total().data
    size = int(np.prod(plan.shape)) * plan.residue_bytes
    good = residue_arrays.unpacked(
        memoryview(contributions[0])[-64 - size : -64], plan.shape, plan.residue_bytes, plan.chain.levels
    )
    high, bare = good.copy(), good.copy()
    high[-1, 1, 0, -1] = plan.chain.levels[0]
    bare[0, 1, 0] = 0
    for values in (high, bare):
        with pytest.raises(NotCanonical):
            aggregator.add(with_values(people, values))
    with pytest.raises(BadEnvelope):
        aggregator.add(with_values(people, good[:, :, :, :-1]))
    assert aggregator.total().data == before
    aggregator.add(contributions[0])
    assert len(aggregator) == 4


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_bit_of_a_contribution_can_be_flipped(
    people: Round, contributions: list[bytes], data: st.DataObject
) -> None:
    altered = bytearray(contributions[0])
    bit = data.draw(st.integers(0, 8 * len(altered) - 1))
    altered[bit // 8] ^= 1 << bit % 8
    aggregator = Aggregator(people.key)
    with pytest.raises(EncryptedError):
        aggregator.add(bytes(altered))
    with pytest.raises(EncryptedError):
        aggregator.add(contributions[0][: bit // 8])
    assert len(aggregator) == 0
