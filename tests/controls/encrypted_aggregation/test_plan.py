from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from casemate.controls.encrypted_aggregation.plan import AggregationPlan, plan_aggregation, read_plan
from casemate.controls.encrypted_aggregation.private_noise import PrivateNoise
from casemate.controls.encrypted_aggregation.questions import EncryptedQuestion
from casemate.core.errors import BadEnvelope, OutOfRange
from encrypted_rounds import QUESTIONS, people, publics

CLIENTS, HOLDERS = publics(people("client", 4)), publics(people("holder", 3))


def plan(**options: Any) -> AggregationPlan:
    given = {"questions": QUESTIONS, "contributors": CLIENTS, "holders": HOLDERS, "min_clients": 2} | options
    return plan_aggregation("test", **given)


def test_a_plan_survives_being_a_document() -> None:
    made = plan(noise=PrivateNoise(1.0, 1e-6), clients=3)
    read = read_plan(made.data)
    assert read == made
    assert read.digest == made.digest
    assert read.failure_bits >= 64
    assert (made.clients, made.smudging) == (3, 40)
    assert plan().smudging == 40
    assert plan(holders=dict(list(HOLDERS.items())[:1])).smudging == 0


def test_every_plan_is_another_one() -> None:
    assert plan().digest != plan().digest


@pytest.mark.parametrize(
    "options",
    [
        {"min_clients": 1},
        {"min_clients": 5},
        {"clients": 5},
        {"clients": 1},
        {"holders": {}},
        {"holders": {f"holder{number}": f"{number:064x}" for number in range(65)}},
        {"holders": {"a": "0" * 64, "b": "0" * 64}},
        {"contributors": {"a": "0" * 64, "b": "x"}},
        {"contributors": {"a": "0" * 64, "../b": "1" * 64}},
        {"questions": ()},
        {"rows": 0},
        {"smudging": 20},
        {"smudging": 200},
        {"noise": PrivateNoise(0.0)},
        {"noise": PrivateNoise(1.0, 0.5)},
        {"noise": PrivateNoise(float("nan"))},
        {"questions": (EncryptedQuestion("sum", "x", Decimal(0), Decimal(1), Decimal("0.3")),)},
    ],
)
def test_what_cannot_be_planned_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(OutOfRange):
        plan(**options)


def test_a_sum_that_would_wrap_is_refused_when_it_is_planned() -> None:
    large = EncryptedQuestion("sum", "x", Decimal(0), Decimal(1 << 50))
    plan(questions=(large,))
    with pytest.raises(OutOfRange, match="would wrap"):
        plan(questions=(large,), rows=20)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"nonce": "0"},
        {"nonce": "z" * 32},
        {"name": "a b"},
        {"rows": 1 << 30},  # the sum might wrap
        {"clients": 1 << 19},
        {"min-clients": 1},
        {"smudging": 0},
        {"smudging": 79},  # and no longer decrypts
        {"degree": 1024},
        {"degree": 5000},
        {"plain": 65_539},  # slots would be lost
        {"primes": []},
        {"primes": [4, 6]},
        {"primes": [(1 << 55) + 1] * 2},
        {"holders": {}},
        {"noise": {"epsilon": -1.0}},
        {"questions": []},
    ],
)
def test_a_document_that_does_not_keep_what_plans_promise_is_refused(changes: dict[str, Any]) -> None:
    document = msgspec.json.decode(plan().data) | changes
    with pytest.raises(OutOfRange):
        read_plan(msgspec.json.encode(document))


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[1]", b'{"format": "x"}'])
def test_what_is_no_plan_is_refused(data: bytes) -> None:
    with pytest.raises(BadEnvelope):
        read_plan(data)
    document = msgspec.json.decode(plan().data) | {"further": 1}
    with pytest.raises(BadEnvelope):
        read_plan(msgspec.json.encode(document))
