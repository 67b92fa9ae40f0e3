from __future__ import annotations

import msgspec
import pytest

from casemate.controls.encrypted_aggregation.combining import combine
from casemate.controls.encrypted_aggregation.identity import Identity
from casemate.controls.encrypted_aggregation.key_holder import KeyHolder
from casemate.controls.encrypted_aggregation.private_noise import PrivateNoise
from casemate.core.errors import (
    BudgetSpent,
    CasemateError,
    KeyServed,
    KeyStoreUnreadable,
    NotEnrolled,
    WrongKey,
    WrongPlan,
)
from encrypted_rounds import Round, incomes, new_round


@pytest.mark.parametrize("holders", [1, 2])
def test_a_key_serves_one_total_and_is_gone(holders: int) -> None:
    people = new_round(4, holders)
    contributions = people.contributions(incomes(4))
    total, other = people.added(contributions).total(), people.added(contributions[:3]).total()
    holder = people.holders[0]
    secret = msgspec.msgpack.decode(holder.data)["secret"]
    assert secret and secret in holder.data
    part = holder.part(total, contributions=contributions)
    assert holder.part(total, contributions=None) == part  # the very same bytes, with the same noise
    with pytest.raises(KeyServed, match="one total"):
        holder.part(other, contributions=contributions[:3])
    assert secret not in holder.data
    again = KeyHolder.restored(people.plan, people.identities[0], holder.data)
    assert again.part(total, contributions=None) == part
    with pytest.raises(KeyServed):
        again.part(other, contributions=None)


@pytest.mark.parametrize("holders", [1, 3])
def test_a_holder_comes_back_from_what_it_stored(holders: int) -> None:
    people = new_round(3, holders)
    tables = incomes(3)
    contributions = people.contributions(tables)
    total = people.added(contributions).total()
    again = [
        KeyHolder.restored(people.plan, identity, holder.data)
        for identity, holder in zip(people.identities, people.holders, strict=True)
    ]
    assert [holder.commitment for holder in again] == [holder.commitment for holder in people.holders]
    assert again[0].share(people.commitments) == people.holders[0].share(people.commitments)
    result = combine(total, [holder.part(total, contributions=contributions) for holder in again])
    assert result.figures[1].values[0] == sum(table["income"][0] for table in tables)


def test_what_a_holder_did_not_store_is_refused() -> None:
    people = new_round(2, 2)
    holder, identity = people.holders[0], people.identities[0]
    for data in (b"", holder.data[:-1], b"\x80", msgspec.msgpack.encode({"plan": b""})):
        with pytest.raises(KeyStoreUnreadable):
            KeyHolder.restored(people.plan, identity, data)
    for gone in ({"secret": None}, {"part": b"x", "total": b"y"}, {"secret": b"x" * 100}):
        state = msgspec.msgpack.decode(holder.data) | gone
        with pytest.raises(KeyStoreUnreadable):
            KeyHolder.restored(people.plan, identity, msgspec.msgpack.encode(state))
    with pytest.raises(WrongPlan):
        KeyHolder.restored(people.plan, people.identities[1], holder.data)
    with pytest.raises(NotEnrolled):
        KeyHolder.restored(new_round(2, 2).plan, identity, holder.data)


def test_only_a_named_holder_can_hold_a_part() -> None:
    people = new_round(2, 2)
    for identity in (Identity.new("holder0"), Identity.new("stranger"), people.clients[0]):
        with pytest.raises(NotEnrolled):
            KeyHolder.new(people.plan, identity)


def test_a_total_under_another_key_is_not_decrypted() -> None:
    people = new_round(3, 2)
    contributions = people.contributions(incomes(3))
    total = people.added(contributions).total()
    with pytest.raises(WrongKey, match="no part in"):
        KeyHolder.new(people.plan, people.identities[0]).part(total, contributions=None)  # never opened its share
    twin = Round(people.plan, people.clients, people.identities)
    assert twin.key
    with pytest.raises(WrongKey, match="no part in"):
        twin.holders[0].part(total, contributions=None)
    with pytest.raises(WrongPlan):
        new_round(3, 2).holders[0].part(total, contributions=None)


def test_a_holder_who_adds_up_again_decrypts_no_single_contribution() -> None:
    people = new_round(3, 2)
    contributions = people.contributions(incomes(3))
    aggregator = people.added(contributions)
    alone = people.added(contributions[:1])
    aggregator._sum = alone._sum
    with pytest.raises(WrongKey, match="not the sum"):
        people.holders[0].part(aggregator.total(), contributions=contributions)
    good = people.added(contributions).total()
    assert people.holders[0].part(good, contributions=contributions)  # the refusal has cost nothing


def test_a_release_with_noise_is_paid_for_before_anything_is_told() -> None:
    people = new_round(3, 2, noise=PrivateNoise(1.0))
    total = people.added(people.contributions(incomes(3))).total()
    holder = people.holders[0]
    with pytest.raises(CasemateError, match="charged to nothing"):
        holder.part(total, contributions=None)

    def refuse() -> None:
        raise BudgetSpent("nothing left")

    with pytest.raises(BudgetSpent):
        holder.part(total, contributions=None, pay=refuse)
    paid: list[int] = []
    part = holder.part(total, contributions=None, pay=lambda: paid.append(1))
    assert holder.part(total, contributions=None, pay=lambda: paid.append(1)) == part
    assert paid == [1]
