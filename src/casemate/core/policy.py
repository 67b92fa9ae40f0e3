"""Policy: the limits that an owner accepts, per threat and per cost, and waivers."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Count = Literal["all", "undetected"]

COSTS: dict[str, str] = {
    "accuracy-loss": "accuracy lost against the bare system, as a fraction",
    "worst-group-accuracy-loss": "accuracy lost by the group that loses most, as a fraction",
    "refusals": "share of honest requests refused",
    "false-alarms": "share of honest requests that raise an alarm",
    "latency-ms": "median milliseconds for one row through the Guard",
    "exchange-bytes": "bytes of one encrypted row and its answer",
    "key-bytes": "bytes of the keys that a client sends once, where rows travel encrypted",
    "information-loss": "detail lost in the quasi-identifiers of the released table, as a fraction (NCP)",
    "suppressed-rows": "share of the raw table's rows left out of the release",
}
"""The costs that a policy may limit, and what each measures."""


@dataclass(frozen=True)
class Waiver:
    """An accepted breach.

    Args:
        of: the id of an attack or of a threat.
        reason: why it is accepted.
        expires: the last day on which it counts.
    """

    of: str
    reason: str
    expires: datetime.date

    def covers(self, attack: str, threat: str, today: datetime.date) -> bool:
        """Whether it covers this attack today."""
        return self.of in (attack, threat) and today <= self.expires


@dataclass(frozen=True)
class Policy:
    """What an owner accepts.

    Args:
        limits: the largest effect accepted, by threat id or, more closely, by attack id. Threats that it does not
            name keep the catalogue's default.
        costs: the largest price accepted for all controls together, by cost name; see `COSTS`.
        waivers: accepted breaches.
        count: ``all`` counts every answer that an attacker got; ``undetected`` only those that raised no alarm.
        level: confidence level of every interval, in (0, 1).
    """

    limits: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    count: Count = "all"
    level: float = 0.95
