"""Microaggregation: publish the middle of k rows that lie close together in place of each of them."""

from __future__ import annotations

from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from casemate.controls.privacy.declaration import GeneraliseTable
from casemate.core.control import Control, ReleaseFitting, control
from casemate.core.release import Release


@control(
    "privacy.microaggregation",
    mitigates=("re-identification", "singling-out"),
    limit="what an attacker knows beside the declared quasi-identifiers (Narayanan & Shmatikov, IEEE S&P 2008), and "
    "sensitive values that a whole group shares (Machanavajjhala et al., TKDD 2007)",
)
class Microaggregation(Control):
    """Group rows by distance, ``k`` to 2 ``k`` - 1 in each group, and give all rows of a group the same values.

    Numbers become their ``middle``, the mean or the median; dates their median; words the most frequent one. The
    columns keep their types, so that a model can be trained as before. ``columns`` says per column in which order its
    words are, and how much its detail matters. Sensitive values are not looked at.

    Source: Domingo-Ferrer & Mateo-Sanz, "Practical data-oriented microaggregation for statistical disclosure control",
    IEEE TKDE 14(1) 2002 (MDAV); Domingo-Ferrer & Torra, DMKD 11 2005.
    """

    k: Annotated[int, Meta(ge=1, description="Rows that look alike, at least.")] = 5
    middle: Annotated[Literal["mean", "median"], Meta(description="What numbers become.")] = "mean"
    columns: Annotated[dict[str, GeneraliseTable], Meta(description="Order and weight of single columns.")] = field(
        default_factory=dict
    )

    def beside(self, folder: Path) -> Control:
        """Return the control with its hierarchy files read."""
        from casemate.controls.privacy.blurring import with_rows

        return replace(self, columns=with_rows(self.columns, folder))

    def on_release(self, release: Release, fitting: ReleaseFitting) -> Release:
        """Return the release with the middles of groups in place of its quasi-identifiers' values.

        Raises:
            ControlFailed: no quasi-identifier, or one that holds pseudonyms.
            DataError: fewer than k rows.
        """
        from casemate.controls.anonymity.microaggregation import mdav
        from casemate.controls.anonymity.middles import render_middles
        from casemate.controls.privacy import blurring

        made = blurring.coded(release, self.columns, self.id, lambda name, _: blurring.declared(self.columns, name))
        shown = render_middles(mdav(made, self.k), made, release.table, self.middle)
        return blurring.published(release, shown.rows, shown.columns, shown.meanings)
