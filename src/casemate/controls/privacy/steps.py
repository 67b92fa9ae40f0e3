"""Steps: what becomes of each column under a policy, in words for people and lineage, and as controls that do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from casemate.controls.privacy.declaration import ColumnPolicy, GeneraliseTable
from casemate.core.control import Control
from casemate.core.schema import Role

if TYPE_CHECKING:
    from casemate.controls.anonymity.grouping import Guarantee
    from casemate.controls.deidentification.work import RowStep
    from casemate.controls.privacy.policy import Policy

WHY: Mapping[Role, str] = {
    "identifier": "it identifies people by itself",
    "quasi-identifier": "together with other columns it singles people out",
    "sensitive": "the purpose needs it; nobody may learn whose it is",
    "target": "the purpose needs it: it is what a model shall tell",
    "feature": "the purpose needs it, and it singles nobody out",
    "ignored": "no model needs it",
}
"""Why a column is treated as it is, where its policy gives no reason."""

METHODS = {"mondrian": "privacy.mondrian", "lattice": "privacy.bands", "microaggregation": "privacy.microaggregation"}


@dataclass(frozen=True)
class ColumnStep:
    """What becomes of one column.

    Args:
        column: its name.
        role: what it is to a person.
        transformations: what is done to it, in order, each in a few words with a colon after the family; a column that
            is published as it is has ``identity``, one that is not published ``drop``.
        why: the reason.
        dropped: whether it is left out.
    """

    column: str
    role: Role
    transformations: tuple[str, ...]
    why: str
    dropped: bool = False

    @property
    def transformation(self) -> str:
        """All that is done to it."""
        return " + ".join(self.transformations)

    @property
    def masking(self) -> bool:
        """Whether what is published tells less than the raw column."""
        return self.transformations != ("identity",)

    @property
    def keyed(self) -> bool:
        """Whether a secret key decides what is published."""
        return any(done.startswith(("pseudonym:", "date-shift:")) for done in self.transformations)


@dataclass(frozen=True)
class Secrets:
    """What keyed steps need.

    Args:
        master: the data set's secret, from a key store; None draws one from the seed, as an assessment does.
        dataset, purpose, epoch: what keys derived from it are good for.
    """

    master: bytes | None
    dataset: str
    purpose: str
    epoch: str


def column_step(name: str, column: ColumnPolicy, method: str, *, sealed: bool) -> ColumnStep:
    """Return what a policy does to a column that is published.

    Args:
        name, column: the column, as declared.
        method: how quasi-identifiers are blurred.
        sealed: whether it is stored under a key of its own group.
    """
    done = []
    if column.clip is not None:
        done.append(f"clip:{column.clip[0]:g}..{column.clip[1]:g}")
    if column.round_to is not None:
        done.append(f"round:{column.round_to:g}")
    if column.shift_days is not None:
        done.append(f"date-shift:{column.shift_days} days")
    if column.pseudonym is not None:
        done.append(f"pseudonym:{column.pseudonym.kind}")
    if column.role == "quasi-identifier" and column.pseudonym is None:
        done.append(f"generalise:{'bands' if method == 'lattice' else method}")
    if sealed:
        done.append("encrypt:aes-256-gcm")
    return ColumnStep(name, column.role, tuple(done) or ("identity",), column.reason or WHY[column.role])


def row_steps(name: str, column: ColumnPolicy, secrets: Secrets | None, subject: str | None) -> list[RowStep]:
    """Return the controls that change a column row by row, in order."""
    from casemate.controls.deidentification.work import RowStep

    steps = []
    if column.clip is not None:
        from casemate.controls.privacy.top_bottom import TopBottom

        steps.append(RowStep(TopBottom(columns={name: column.clip}, share=0), (name,)))
    if column.round_to is not None:
        from casemate.controls.privacy.rounding import Rounding

        steps.append(RowStep(Rounding(columns={name: column.round_to}, steps=0), (name,)))
    if column.shift_days is not None:
        assert subject is not None  # the policy's rules see to it
        steps.append(RowStep(_shift(name, column.shift_days, secrets, subject), (name,), (subject,)))
    if column.pseudonym is not None:
        steps.append(RowStep(_pseudonym(name, column, secrets), (name,)))
    return steps


def blurring_control(policy: Policy, published: tuple[str, ...]) -> Control | None:
    """Return the control that blurs the published quasi-identifiers; None where there are none."""
    from casemate.controls.privacy.bands import Bands
    from casemate.controls.privacy.microaggregation import Microaggregation
    from casemate.controls.privacy.mondrian import Mondrian

    blurred = tuple(name for name in published if _blurred(policy.columns[name]))
    if not blurred:
        return None
    asked = policy.declared.privacy
    columns = {name: _table(policy.columns[name]) for name in blurred}
    l, t = _diversity(policy, published)  # noqa: E741
    made: Microaggregation | Bands | Mondrian
    if asked.method == "microaggregation":
        made = Microaggregation(k=asked.k, columns=columns)
    elif asked.method == "lattice":
        made = Bands(k=asked.k, l=l, l_kind=asked.l_kind, t=t, max_suppression=asked.max_suppression, columns=columns)
    else:
        made = Mondrian(
            k=asked.k,
            l=l,
            l_kind=asked.l_kind,
            t=t,
            relaxed=asked.relaxed,
            noise=asked.noise,
            ranges=asked.ranges,
            columns=columns,
        )
    return made.beside(policy.path.parent)


def guarantee(policy: Policy, published: tuple[str, ...]) -> Guarantee | None:
    """Return what every group of published rows must fulfil; None where no quasi-identifier is published."""
    from casemate.controls.anonymity.grouping import Guarantee

    if not any(_blurred(policy.columns[name]) for name in published):
        return None
    l, t = _diversity(policy, published)  # noqa: E741
    return Guarantee(policy.declared.privacy.k, l, policy.declared.privacy.l_kind == "entropy", t)


def _diversity(policy: Policy, published: tuple[str, ...]) -> tuple[int, float | None]:
    """Return l and t, which have nothing to hold where no sensitive column is published."""
    asked = policy.declared.privacy
    secret = any(policy.columns[name].role == "sensitive" for name in published)
    return (asked.l, asked.t) if secret else (1, None)


def _blurred(column: ColumnPolicy) -> bool:
    return column.role == "quasi-identifier" and column.pseudonym is None


def _table(column: ColumnPolicy) -> GeneraliseTable:
    table = column.generalise or GeneraliseTable()
    return table if column.ordinal is None else msgspec.structs.replace(table, ordinal=column.ordinal)


def _shift(name: str, days: int, secrets: Secrets | None, subject: str) -> Control:
    from casemate.controls.privacy.date_shift import DateShift
    from casemate.controls.pseudonyms import derive_key

    key = None
    if secrets is not None and secrets.master is not None:
        key = derive_key(
            secrets.master,
            dataset=secrets.dataset,
            column=subject,  # all dates of a person move alike, whatever the column
            purpose=secrets.purpose,
            epoch=secrets.epoch,
            use="date-shift",
        )
    return DateShift(days=days, subject=subject, columns=(name,), key=key)


def _pseudonym(name: str, column: ColumnPolicy, secrets: Secrets | None) -> Control:
    from casemate.controls.privacy.pseudonyms import Pseudonyms

    table = column.pseudonym
    assert table is not None
    told = secrets or Secrets(None, "plan", "plan", "plan")
    return Pseudonyms(
        kind=table.kind,
        alphabet=table.alphabet,
        columns=(name,),
        master=told.master,
        dataset=told.dataset,
        purpose=told.purpose,
        epoch=told.epoch,
    )
