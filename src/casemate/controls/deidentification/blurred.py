"""Blurred: what a control makes of rows that are codes on disk; the same as it makes of them in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.anonymity.grouping import Grouping
from casemate.controls.deidentification.coded import Advance, CodedOnDisk
from casemate.controls.deidentification.labels import GroupLabels, label_rows
from casemate.controls.privacy.blurring import detail_of
from casemate.controls.privacy.mondrian import Mondrian
from casemate.core.control import Control
from casemate.core.errors import ControlFailed
from casemate.core.seeds import derive

if TYPE_CHECKING:
    from casemate.controls.anonymity.domains import Detail


@dataclass(frozen=True, eq=False)
class Blurred:
    """Groups of rows, and what is published of them.

    Args:
        grouping: the group of each row.
        labels: what is published of every group.
    """

    grouping: Grouping
    labels: GroupLabels


def details_of(control: Control, columns: tuple[str, ...]) -> Mapping[str, Detail | None]:
    """Return how the columns may be blurred, as the control's options say.

    Raises:
        ControlFailed: a control that must see all rows at once.
    """
    if not isinstance(control, Mondrian):
        raise ControlFailed(
            f"{control.id} must see the whole table at once",
            why="it compares every row with all others, or with all their bands",
            fix='--engine memory, or method = "mondrian" in [privacy]',
        )
    told = control.columns
    return {name: detail_of(told[name]) if name in told else None for name in columns}


def blur(control: Control, coded: CodedOnDisk, seed: int, advance: Advance) -> Blurred:
    """Return what the control makes of coded rows; see `details_of` for which controls can.

    Raises:
        DataError: fewer than k rows, or less diversity than asked for.
    """
    from casemate.controls.anonymity.grouping import Guarantee
    from casemate.controls.anonymity.mondrian import mondrian

    assert isinstance(control, Mondrian)
    grouping = mondrian(
        coded.codes,
        Guarantee(control.k, control.l, control.l_kind == "entropy", control.t),
        weights=np.array([domain.weight for domain in coded.domains]),
        sensitive=coded.sensitive,
        ordinal_sensitive=[domain.ordinal for domain in coded.secrets],
        relaxed=control.relaxed,
        noise=control.noise,
        seed=derive(seed, "control", control.id),
        trees=[domain.tree for domain in coded.domains],
        progress=advance,
    )
    return Blurred(grouping, label_rows(grouping, coded.codes, coded.domains))
