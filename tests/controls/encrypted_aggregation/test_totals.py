from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.encrypted_aggregation.aggregator import Aggregator
from casemate.controls.encrypted_aggregation.totals import Total, check_sum, read_contribution, read_total
from casemate.core.errors import (
    BadEnvelope,
    EncryptedError,
    NotCanonical,
    NotEnrolled,
    PlanFull,
    TooFewContributions,
    WrongKey,
)
from encrypted_rounds import Round, incomes, new_round


@pytest.fixture(scope="module")
def people() -> Round:
    return new_round(5, min_clients=3, clients=4)


@pytest.fixture(scope="module")
def contributions(people: Round) -> list[bytes]:
    return people.contributions(incomes(5))


@pytest.fixture(scope="module")
def total(people: Round, contributions: list[bytes]) -> Total:
    return people.added(contributions[:4]).total()


def test_a_total_survives_being_a_message(people: Round, total: Total) -> None:
    again = read_total(people.key, total.data)
    assert np.array_equal(again.values, total.values)
    assert (again.receipts, again.digest) == (total.receipts, total.digest)


def test_a_total_of_too_few_or_too_many_is_refused(people: Round, contributions: list[bytes], total: Total) -> None:
    with pytest.raises(TooFewContributions):
        read_total(people.key, Total(people.key, total.receipts[:2], total.values).data)
    more = Aggregator(people.key)
    more.add(contributions[4])
    (fifth,) = more._receipts.values()
    with pytest.raises((PlanFull, BadEnvelope)):
        read_total(people.key, Total(people.key, (*total.receipts, fifth), total.values).data)


def test_receipts_out_of_order_or_twice_are_refused(people: Round, total: Total) -> None:
    for receipts in (total.receipts[::-1], (*total.receipts[:2], *total.receipts[1:3])):
        with pytest.raises(NotCanonical):
            read_total(people.key, Total(people.key, receipts, total.values).data)


def test_contributors_that_nobody_signed_for_are_refused(people: Round, total: Total) -> None:
    """A server that makes up contributors, to be left alone with one of them."""
    made_up = replace(total.receipts[1], name="client1x")
    with pytest.raises(NotEnrolled):
        read_total(people.key, Total(people.key, (total.receipts[0], made_up, *total.receipts[2:]), total.values).data)
    for wrong in (replace(total.receipts[1], digest=bytes(32)), replace(total.receipts[1], signature=bytes(64))):
        with pytest.raises(BadEnvelope):
            read_total(
                people.key, Total(people.key, (total.receipts[0], wrong, *total.receipts[2:]), total.values).data
            )


def test_who_adds_up_again_finds_a_sum_that_is_none(people: Round, contributions: list[bytes], total: Total) -> None:
    check_sum(total, contributions[:4])
    check_sum(total, contributions[3::-1])
    one = people.added(contributions[:4])
    one._sum = Aggregator(people.key)._sum
    one._sum.add(read_values(people, contributions[0]))  # one client's ciphertext, passed off as everybody's total
    for false, shown, told in (
        (one.total(), contributions[:4], "other residues"),
        (total, contributions[:3], "client3 was not shown"),
        (total, contributions, "client4 is not in it"),
        (total, [*contributions[:3], people.contributor(3).encrypt({"income": 0.0})], "client3 is not in it"),
        (total, [*contributions[:4], contributions[0]], "client0 is not in it"),
    ):
        with pytest.raises(WrongKey, match=told):
            check_sum(false, shown)


def read_values(people: Round, data: bytes) -> np.ndarray:
    return read_contribution(people.key, data)[1]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_bit_of_its_list_can_be_flipped_and_nothing_cut_off(
    people: Round, total: Total, data: st.DataObject
) -> None:
    end = len(total.data) - int(np.prod(people.plan.shape)) * people.plan.residue_bytes
    altered = bytearray(total.data)
    bit = data.draw(st.integers(0, 8 * end - 1))
    altered[bit // 8] ^= 1 << bit % 8
    for wrong in (bytes(altered), total.data[: bit // 8], total.data[:end], total.data + b"0"):
        with pytest.raises(EncryptedError):
            read_total(people.key, wrong)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_flipped_residue_of_a_total_is_found_by_adding_up_again(
    people: Round, contributions: list[bytes], total: Total, data: st.DataObject
) -> None:
    size = int(np.prod(people.plan.shape)) * people.plan.residue_bytes
    altered = bytearray(total.data)
    bit = data.draw(st.integers(8 * (len(altered) - size), 8 * len(altered) - 1))
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(EncryptedError):
        check_sum(read_total(people.key, bytes(altered)), contributions[:4])
