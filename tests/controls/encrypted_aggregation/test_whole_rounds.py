from __future__ import annotations

import gc
import pickle
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.encrypted_aggregation.combining import Result, combine
from casemate.controls.encrypted_aggregation.joint_key import read_key
from casemate.controls.encrypted_aggregation.plan import read_plan
from casemate.controls.encrypted_aggregation.questions import EncryptedQuestion
from casemate.controls.encrypted_aggregation.totals import read_total
from casemate.core.errors import BadEnvelope
from encrypted_rounds import Round, new_round

QUESTIONS = (
    EncryptedQuestion("count"),
    EncryptedQuestion("sum", "income", Decimal(-1000), Decimal(100_000), Decimal("0.01")),
    EncryptedQuestion("mean", "age", Decimal(18), Decimal(100)),
    EncryptedQuestion("histogram", "age", edges=(18.0, 40.0, 65.0, 100.0)),
    EncryptedQuestion("histogram", "region", categories=("north", "south")),
    EncryptedQuestion("sum", "update", Decimal(-1), Decimal(1), Decimal("0.001"), length=300),
)


def table(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "income": [round(float(rng.uniform(-1000, 100_000)), 2)],
        "age": [float(rng.integers(18, 101)) if seed % 7 else float("nan")],
        "region": [str(rng.choice(["north", "south"]))],
        "update": rng.integers(-1000, 1001, 300) / 1000,
    }


def opened(people: Round, contributions: list[bytes]) -> Result:
    total = read_total(people.key, people.added(contributions).total().data)
    return combine(total, [holder.part(total, contributions=contributions) for holder in people.holders])


def test_fifty_clients_and_three_holders() -> None:
    people = new_round(50, 3, QUESTIONS, min_clients=40)
    people.key = read_key(read_plan(people.plan.data), people.key.data)  # clients and server get documents
    tables = [table(seed) for seed in range(50)]
    contributions = people.contributions(tables)
    tampered = bytearray(contributions[7])
    tampered[1000] ^= 1
    aggregator = people.added([*contributions[:7], *contributions[8:]])
    with pytest.raises(BadEnvelope):
        aggregator.add(bytes(tampered))
    aggregator.add(contributions[7])
    result = opened(people, contributions)
    figures = {figure.name: figure for figure in result.figures}
    assert figures["count"].exact == (Decimal(50),)
    exact = sum(Decimal(str(one["income"][0])) for one in tables)
    assert figures["sum of income"].exact == (exact,)
    ages = [one["age"][0] for one in tables if one["age"][0] == one["age"][0]]
    assert figures["mean of age"].values[0] == pytest.approx(sum(ages) / len(ages), rel=1e-15)
    bins, _ = np.histogram(ages, (18, 40, 65, 100))
    assert [figures[f"age {name}"].values[0] for name in ("18..40", "40..65", "65..100")] == bins.tolist()
    assert figures["region north"].values[0] == sum(one["region"] == ["north"] for one in tables)
    steps = np.sum([np.rint(one["update"] * 1000) for one in tables], axis=0).astype(np.int64)
    assert np.array_equal(figures["sum of update"].steps, steps)
    assert people.plan.failure_bits >= 64


@pytest.mark.parametrize("holders", [1, 2])
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_any_values_within_their_bounds_are_added_exactly(holders: int, data: st.DataObject) -> None:
    low = data.draw(st.integers(-(1 << 20), 0))
    high = data.draw(st.integers(1, 1 << 20))
    length = data.draw(st.sampled_from([1, 2, 50, 5000]))
    clients = data.draw(st.integers(2, 6))
    there = data.draw(st.integers(2, clients))
    question = EncryptedQuestion("sum", "x", Decimal(low), Decimal(high), length=length)
    people = new_round(clients, holders, [question])
    kind = st.sampled_from([low, high, 0]) | st.integers(low, high)
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 32)))
    values = rng.integers(low, high, (there, length), endpoint=True)
    values[:, 0] = data.draw(st.lists(kind, min_size=there, max_size=there))
    result = opened(people, people.contributions([{"x": row} for row in values]))
    assert np.array_equal(result.figures[0].steps, values.sum(axis=0))


@pytest.mark.parametrize("holders", [1, 3])
def test_all_at_their_bounds_do_not_wrap(holders: int) -> None:
    question = EncryptedQuestion("mean", "x", Decimal(-7), Decimal(93), Decimal("0.5"), length=2000)
    people = new_round(5, holders, [question], rows=3)
    for value in (-7.0, 93.0):
        fresh = Round(people.plan, people.clients, people.identities)
        result = opened(fresh, fresh.contributions([{"x": np.full((3, 2000), value)}] * 5))
        assert (result.figures[0].values == value).all()
        assert (result.totals[0] == int(value * 2) * 15).all()


def test_the_server_holds_and_sends_nothing_secret() -> None:
    people = new_round(3, 3)
    secrets = [holder._secret.data() for holder in people.holders]  # type: ignore[union-attr]
    pieces = [secret[-1024:] for secret in secrets] + [secret[-4096:-3072] for secret in secrets]
    pieces += [identity.secret for identity in (*people.identities, *people.clients)]
    incomes = [{"income": 77.5}] * 3
    contributions = people.contributions(incomes)
    aggregator = people.added(contributions)
    total = aggregator.total()
    wire = [people.plan.data, people.key.data, *contributions, total.data]
    wire += [holder.part(total, contributions=contributions) for holder in people.holders]
    for message in wire:
        assert not any(piece in message for piece in pieces)
    reached, seen = [vars(aggregator)], set()
    while reached:  # everything that the server's object leads to
        held = reached.pop()
        if id(held) in seen or isinstance(held, type) or callable(held):
            continue
        seen.add(id(held))
        assert type(held).__name__ not in ("SecretKey", "Decryptor", "KeyGenerator", "KeyHolder", "Identity")
        if isinstance(held, bytes | bytearray | np.ndarray):
            data = held if not isinstance(held, np.ndarray) else held.tobytes()
            assert not any(piece in data for piece in pieces)
        reached += gc.get_referents(held) if not hasattr(held, "__file__") else []


@pytest.mark.parametrize("holders", [1, 2])
def test_secrets_do_not_slip_into_pickles_or_logs(holders: int) -> None:
    people = new_round(2, holders)
    for secret in (people.holders[0], people.holders[0]._secret, people.identities[0]):
        with pytest.raises(TypeError, match="secret"):
            pickle.dumps(secret)
    assert people.identities[0].secret.hex() not in repr(people)
