"""For each control: the attacks that it claims to stop, and one that it says it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from casemate.attacks import find as attack_called
from casemate.controls.access.query_budget import QueryBudget
from casemate.controls.encryption.homomorphic import Homomorphic
from casemate.controls.hardening.label_only import LabelOnly
from casemate.controls.hardening.round_scores import RoundScores
from casemate.controls.hardening.trusted_filter import TrustedFilter
from casemate.controls.monitoring.envelope import Envelope
from casemate.controls.privacy.bands import Bands
from casemate.controls.privacy.date_shift import DateShift
from casemate.controls.privacy.microaggregation import Microaggregation
from casemate.controls.privacy.mondrian import Mondrian
from casemate.controls.privacy.pseudonyms import Pseudonyms
from casemate.controls.privacy.rounding import Rounding
from casemate.controls.privacy.suppression import Suppression
from casemate.controls.privacy.top_bottom import TopBottom
from casemate.core.access import Access
from casemate.core.control import Control
from casemate.core.evidence import Evidence
from casemate.core.system import System
from casemate.core.target import Target
from contract import released_tables, simple_attacks, small_systems


@dataclass(frozen=True)
class Demonstration:
    """One attack on one system.

    Args:
        system: makes the system, without the control.
        attack: the technique.
        access: what the attacker is granted.
        samples: how many rows or people are attacked.
    """

    system: Callable[[], System]
    attack: Callable[[Target], Evidence]
    access: Access
    samples: int = 60


@dataclass(frozen=True)
class ControlCase:
    """The evidence for one control.

    Args:
        control: the control, with the options of the demonstration.
        stops: by threat, an attack that it stops; one for every threat that it claims to mitigate.
        limits: attacks that it does not stop, as its `limit` says, with the threat that they realise.
    """

    control: Control
    stops: Mapping[str, Demonstration]
    limits: Mapping[str, Demonstration]


def _shipped(id: str, system: Callable[[], System], **budget: float) -> Demonstration:
    attack = attack_called(id)
    return Demonstration(system, attack.run, replace(attack.needs, budget=replace(attack.needs.budget, **budget)))


def _reading(id: str, system: Callable[[], System]) -> Demonstration:
    attack = attack_called(f"reidentification.{id}")
    return Demonstration(system, attack.run, attack.needs, samples=released_tables.EXAMINED)


def _reidentified(system: Callable[[], System]) -> dict[str, Demonstration]:
    return {"re-identification": _reading("linkage", system), "singling-out": _reading("singling-out", system)}


def _linked(system: Callable[[], System]) -> dict[str, Demonstration]:
    return {"re-identification": _reading("linkage", system)}


def _copying(attack: Callable[[Target], Evidence], queries: int, *, clients: int = 1, **access: bool) -> Demonstration:
    granted = Access.black_box(queries=queries, **access)
    granted = replace(granted, budget=replace(granted.budget, clients=clients))
    return Demonstration(small_systems.linear_table, attack, granted)


_EQUATIONS = _copying(simple_attacks.copy_by_equations, 31, scores=True)
_INVERSION = Demonstration(
    lambda: small_systems.clusters(features=16, classes=8, spread=0.05),
    simple_attacks.invert_classes,
    Access.black_box(scores=True),
)

CASES: Mapping[str, ControlCase] = {
    "hardening.label-only": ControlCase(
        LabelOnly(),
        stops={
            "model-extraction": _EQUATIONS,
            "model-inversion": _INVERSION,
            "membership-inference": Demonstration(
                lambda: small_systems.clusters(small_systems.remembering, spread=0.3),
                simple_attacks.guess_members_by_confidence,
                Access.black_box(scores=True),
            ),
        },
        limits={"model-extraction": _copying(simple_attacks.copy_by_labels, 5000)},
    ),
    "hardening.round-scores": ControlCase(
        RoundScores(decimals=1),
        stops={"model-extraction": _EQUATIONS, "model-inversion": _INVERSION},
        limits={"model-extraction": _copying(simple_attacks.copy_by_many_equations, 5000, scores=True)},
    ),
    "hardening.trusted-filter": ControlCase(
        TrustedFilter(),
        stops={
            "data-poisoning": _shipped("poisoning.label-flip", small_systems.poisonable),
            "backdoor": _shipped("backdoor.stamp", lambda: small_systems.clusters(small_systems.grown)),
        },
        limits={
            "backdoor": Demonstration(
                small_systems.markable_table, simple_attacks.clean_label_trigger, Access.training(rows=True, share=0.2)
            ),
        },
    ),
    "monitoring.envelope": ControlCase(
        Envelope(false_alarm_rate=0.02),
        stops={
            "evasion": _shipped("evasion.hop-skip-jump", small_systems.tight, queries_per_row=300, radius=0.25),
            "model-extraction": Demonstration(
                small_systems.tight, simple_attacks.copy_by_labels, Access.black_box(queries=3000)
            ),
        },
        limits={
            "evasion": _shipped("evasion.hop-skip-jump", small_systems.narrow, queries_per_row=300, radius=0.03),
            "model-extraction": Demonstration(
                small_systems.clusters,
                simple_attacks.copy_by_natural_rows,
                Access.black_box(queries=600, population=True),
            ),
        },
    ),
    "encryption.homomorphic": ControlCase(
        Homomorphic(),
        stops={
            "request-disclosure": _shipped("interception.curious-server", small_systems.linear_table),
            "message-tampering": _shipped("interception.malformed-message", small_systems.linear_table),
        },
        limits={"model-extraction": _EQUATIONS},
    ),
    "access.query-budget": ControlCase(
        QueryBudget(queries=25),
        stops={
            "model-extraction": _copying(simple_attacks.copy_by_labels, 5000),
            "evasion": _shipped("evasion.hop-skip-jump", small_systems.narrow, queries_per_row=300, radius=0.03),
        },
        limits={"model-extraction": _copying(simple_attacks.copy_by_labels, 5000, clients=250)},
    ),
    "privacy.mondrian": ControlCase(
        Mondrian(k=40),
        stops=_reidentified(released_tables.people),
        limits=_linked(released_tables.people_with_a_diary),
    ),
    "privacy.bands": ControlCase(
        Bands(k=40, max_suppression=0.1),
        stops=_reidentified(released_tables.people),
        limits=_linked(released_tables.people_with_a_diary),
    ),
    "privacy.microaggregation": ControlCase(
        Microaggregation(k=40),
        stops=_reidentified(released_tables.people),
        limits=_linked(released_tables.people_with_a_diary),
    ),
    "privacy.suppression": ControlCase(
        Suppression(k=40, max_suppression=0.5),
        stops=_linked(released_tables.rare_jobs),
        limits=_linked(released_tables.rare_jobs_with_a_diary),
    ),
    "privacy.pseudonyms": ControlCase(
        Pseudonyms(),
        stops=_linked(released_tables.named_people),
        limits=_linked(released_tables.named_people_with_incomes),
    ),
    "privacy.date-shift": ControlCase(
        DateShift(days=60),
        stops=_reidentified(released_tables.busy_year),
        limits=_linked(released_tables.born_apart),
    ),
    "privacy.top-bottom": ControlCase(
        TopBottom(columns={"income": (0.0, 3000.0)}),
        stops=_reidentified(released_tables.few_rich),
        limits=_linked(lambda: released_tables.incomes(below=3000)),
    ),
    "privacy.rounding": ControlCase(
        Rounding(),
        stops=_linked(released_tables.incomes),
        limits=_linked(released_tables.many_measures),
    ),
}
