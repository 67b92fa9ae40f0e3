from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.encrypted_aggregation import messages, residue_arrays
from casemate.controls.encrypted_aggregation.combining import combine
from casemate.controls.encrypted_aggregation.key_holder import KeyHolder
from casemate.controls.encrypted_aggregation.messages import Kind
from casemate.controls.encrypted_aggregation.totals import Total
from casemate.core.errors import BadEnvelope, EncryptedError, ShareMissing, TotalImplausible, WrongKey
from encrypted_rounds import Round, incomes, new_round


@pytest.fixture(scope="module")
def people() -> Round:
    return new_round(4, 3)


@pytest.fixture(scope="module")
def total(people: Round) -> Total:
    return people.added(people.contributions(incomes(4))).total()


@pytest.fixture(scope="module")
def parts(people: Round, total: Total) -> list[bytes]:
    return [holder.part(total, contributions=None) for holder in people.holders]


def test_all_parts_in_any_order_open_the_sum(total: Total, parts: list[bytes]) -> None:
    expected = sum(table["income"][0] for table in incomes(4))
    for some in (parts, parts[::-1], [*parts, parts[0]]):
        assert combine(total, some).figures[1].values.tolist() == [expected]


def test_a_missing_part_is_named(total: Total, parts: list[bytes]) -> None:
    with pytest.raises(ShareMissing, match="holder0, holder2"):
        combine(total, [parts[1]])


def test_all_parts_but_one_tell_nothing(people: Round, total: Total, parts: list[bytes]) -> None:
    """Without the last part, what is left is spread evenly over the whole modulus."""
    plan, primes = people.plan, people.plan.chain.levels
    opened = total.values[0, 0]
    for part in parts[:2]:
        size = int(np.prod(plan.shape)) // 2 * plan.residue_bytes
        body = residue_arrays.unpacked(memoryview(part)[-64 - size : -64], opened.shape, plan.residue_bytes, primes)
        opened = (opened + body) % np.array(primes, np.uint64)[:, None]
    for row, prime in zip(opened, primes, strict=True):
        counts, _ = np.histogram(row, 16, (0, prime))
        assert ((counts - plan.degree / 16) ** 2 / (plan.degree / 16)).sum() < 60


def test_a_wrong_share_is_found_out(people: Round, total: Total, parts: list[bytes]) -> None:
    """A holder that opens with another secret than the one that it shared."""
    wrong = KeyHolder.new(people.plan, people.identities[2])
    opened = wrong._secret.opened(total.values, people.plan.errors, None)  # type: ignore[union-attr]
    body = total.digest + residue_arrays.packed(opened, people.plan.residue_bytes)
    key = people.key.fingerprint
    forged = messages.signed(Kind.PART, people.plan.digest, key, people.identities[2], body)
    with pytest.raises(TotalImplausible, match="none that contributions"):
        combine(total, [*parts[:2], forged])
    by_another = messages.signed(Kind.PART, people.plan.digest, key, people.clients[0], body)
    with pytest.raises(EncryptedError):
        combine(total, [*parts[:2], by_another])


def test_a_part_of_another_total_is_refused(people: Round, parts: list[bytes]) -> None:
    other = people.added(people.contributions(incomes(3))).total()
    with pytest.raises(WrongKey, match="another total"):
        combine(other, parts)


@pytest.mark.parametrize("prime", [0, 1])
def test_a_contribution_that_is_none_is_found_out_when_it_is_decrypted(prime: int) -> None:
    """A client that adds to its ciphertext what would tell of the secret: t / 2 times the secret comes out on top."""
    people = new_round(3, 2)
    plan = people.plan
    contributions = people.contributions(incomes(3))
    size = int(np.prod(plan.shape)) * plan.residue_bytes
    values = residue_arrays.unpacked(
        memoryview(contributions[0])[-64 - size : -64], plan.shape, plan.residue_bytes, plan.chain.levels
    )
    level = plan.chain.levels[prime]
    values[0, 1, prime, 0] = (int(values[0, 1, prime, 0]) + level // 2) % level
    body = residue_arrays.packed(values, plan.residue_bytes)
    crafted = messages.signed(Kind.CONTRIBUTION, plan.digest, people.key.fingerprint, people.clients[0], body)
    total = people.added([crafted, *contributions[1:]]).total()
    with pytest.raises(TotalImplausible):
        combine(total, [holder.part(total, contributions=None) for holder in people.holders])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_bit_of_a_part_can_be_flipped(total: Total, parts: list[bytes], data: st.DataObject) -> None:
    altered = bytearray(parts[0])
    bit = data.draw(st.integers(0, 8 * len(altered) - 1))
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(EncryptedError):
        combine(total, [bytes(altered), *parts[1:]])
    with pytest.raises(BadEnvelope):
        combine(total, [parts[0][: bit // 8], *parts[1:]])
