"""Blurred: what a control makes of rows that are codes on disk; the same as it makes of them in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.anonymity.grouping import Grouping, Guarantee
from casemate.controls.anonymity.survey import domain_of
from casemate.controls.deidentification.coded import Advance, CodedOnDisk
from casemate.controls.deidentification.labels import GroupLabels, label_rows
from casemate.controls.privacy.bands import Bands
from casemate.controls.privacy.mondrian import Mondrian
from casemate.core.control import Control
from casemate.core.errors import ControlFailed
from casemate.core.seeds import derive

if TYPE_CHECKING:
    import polars

    from casemate.controls.anonymity.domains import Domain


@dataclass(frozen=True, eq=False)
class Blurred:
    """Groups of rows, and what is published of them.

    Args:
        grouping: the group of each row.
        labels: what is published of every group.
    """

    grouping: Grouping
    labels: GroupLabels


def check_batches(control: Control) -> None:
    """Raise ControlFailed for a control that must see all rows at once."""
    if not isinstance(control, Mondrian | Bands):
        raise ControlFailed(
            f"{control.id} must see the whole table at once",
            why="it compares every row with all others",
            fix='--engine memory, or method = "mondrian" in [privacy]',
        )


def domains_of(control: Control, distinct: Mapping[str, polars.Series], columns: Sequence[str]) -> list[Domain]:
    """Return what the codes of columns stand for, told from their distinct values.

    Raises:
        OutOfRange, DataUnreadable: see `casemate.controls.anonymity.survey.domain_of`.
    """
    assert isinstance(control, Mondrian | Bands)
    named = {name: distinct[name].alias(name) for name in columns}
    return [domain_of(values, control.detail(name, values)) for name, values in named.items()]


def blur(control: Control, coded: CodedOnDisk, seed: int, advance: Advance) -> Blurred:
    """Return what the control makes of coded rows; see `check_batches` for which controls can.

    Raises:
        DataError: fewer than k rows, or less diversity than asked for.
    """
    assert isinstance(control, Mondrian | Bands)
    asked = Guarantee(control.k, control.l, control.l_kind == "entropy", control.t)
    if isinstance(control, Bands):
        return _bands(control, coded, asked)
    return _mondrian(control, coded, asked, derive(seed, "control", control.id), advance)


def _mondrian(control: Mondrian, coded: CodedOnDisk, asked: Guarantee, seed: int, advance: Advance) -> Blurred:
    from casemate.controls.anonymity.mondrian import mondrian

    grouping = mondrian(
        coded.codes,
        asked,
        weights=np.array([domain.weight for domain in coded.domains]),
        sensitive=coded.sensitive,
        ordinal_sensitive=[domain.ordinal for domain in coded.secrets],
        relaxed=control.relaxed,
        noise=control.noise,
        seed=seed,
        trees=[domain.tree for domain in coded.domains],
        progress=advance,
    )
    return Blurred(grouping, label_rows(grouping, coded.codes, coded.domains, loose=control.ranges == "loose"))


def _bands(control: Bands, coded: CodedOnDisk, asked: Guarantee) -> Blurred:
    from casemate.controls.anonymity.coding import Coded
    from casemate.controls.anonymity.lattice import lattice

    chosen = lattice(
        Coded(coded.codes, coded.domains),
        asked,
        sensitive=coded.sensitive,
        ordinal_sensitive=[domain.ordinal for domain in coded.secrets],
        max_suppression=control.max_suppression,
    )
    groups, first = np.unique(chosen.grouping.ids, return_index=True)
    first = first[groups >= 0]
    of = np.empty((chosen.grouping.count, len(coded.domains)), dtype=np.int32)
    for j, (ladder, step) in enumerate(zip(chosen.ladders, chosen.steps, strict=True)):
        of[:, j] = ladder.nodes[step][coded.codes[first, j]]
    meanings = tuple(ladder.meanings(step) for ladder, step in zip(chosen.ladders, chosen.steps, strict=True))
    return Blurred(chosen.grouping, GroupLabels(of, meanings, tuple(domain.name for domain in coded.domains)))
