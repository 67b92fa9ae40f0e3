"""Small rounds of encrypted aggregation for tests: people, a plan, keys, contributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np

from casemate.controls.encrypted_aggregation.aggregator import Aggregator
from casemate.controls.encrypted_aggregation.contributing import Contributor
from casemate.controls.encrypted_aggregation.identity import Identity
from casemate.controls.encrypted_aggregation.joint_key import JointKey, join
from casemate.controls.encrypted_aggregation.key_holder import KeyHolder
from casemate.controls.encrypted_aggregation.plan import AggregationPlan, plan_aggregation
from casemate.controls.encrypted_aggregation.questions import EncryptedQuestion

INCOME = EncryptedQuestion("sum", "income", Decimal(0), Decimal(100), Decimal("0.5"))
QUESTIONS = (EncryptedQuestion("count"), INCOME)


def people(prefix: str, count: int) -> tuple[Identity, ...]:
    return tuple(Identity.new(f"{prefix}{number}") for number in range(count))


def publics(identities: Sequence[Identity]) -> dict[str, str]:
    return {identity.name: identity.public for identity in identities}


@dataclass
class Round:
    """Everybody in one aggregation, with all their secrets."""

    plan: AggregationPlan
    clients: tuple[Identity, ...]
    identities: tuple[Identity, ...]
    holders: list[KeyHolder] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.holders = [KeyHolder.new(self.plan, identity) for identity in self.identities]

    @cached_property
    def commitments(self) -> dict[str, bytes]:
        return {one.name: holder.commitment for one, holder in zip(self.identities, self.holders, strict=True)}

    @cached_property
    def key(self) -> JointKey:
        return join(self.plan, [holder.share(self.commitments) for holder in self.holders])

    def contributor(self, place: int) -> Contributor:
        return Contributor(self.key, self.clients[place])

    def contributions(self, tables: Sequence[Mapping[str, Any]]) -> list[bytes]:
        return [self.contributor(place).encrypt(table) for place, table in enumerate(tables)]

    def added(self, contributions: Sequence[bytes]) -> Aggregator:
        aggregator = Aggregator(self.key)
        for contribution in contributions:
            aggregator.add(contribution)
        return aggregator


def new_round(
    people_count: int = 4,
    holders: int = 1,
    questions: Sequence[EncryptedQuestion] = QUESTIONS,
    **options: Any,
) -> Round:
    them, identities = people("client", people_count), people("holder", holders)
    options = {"min_clients": 2} | options
    plan = plan_aggregation("test", questions, contributors=publics(them), holders=publics(identities), **options)
    return Round(plan, them, identities)


def incomes(clients: int, seed: int = 0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [{"income": [value / 2]} for value in rng.integers(0, 201, clients).tolist()]
