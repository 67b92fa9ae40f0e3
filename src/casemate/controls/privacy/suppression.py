"""Suppression: leave out columns, and rows that look like too few others."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from msgspec import Meta

from casemate.core.control import Control, ReleaseFitting, control
from casemate.core.errors import ControlFailed, ShapeMismatch, did_you_mean
from casemate.core.release import Release


@control(
    "privacy.suppression",
    mitigates=("re-identification",),
    limit="what an attacker knows beside the declared quasi-identifiers (Narayanan & Shmatikov, IEEE S&P 2008), and "
    "sensitive values that all rows of a group share (Machanavajjhala et al., TKDD 2007); that somebody is not in the "
    "table at all tells that they are rare",
)
class Suppression(Control):
    """Leave out the named ``columns``, then every row that looks like fewer than ``k`` - 1 others.

    Rows look alike where all quasi-identifiers that are still there are equal. Nothing else is changed: what is
    published is true as it stands. More than ``max_suppression`` of the rows are never left out; then it fails.

    Source: Samarati & Sweeney, "Protecting privacy when disclosing information", SRI-CSL-98-04, 1998.
    """

    k: Annotated[int, Meta(ge=1, description="Rows that look alike, at least.")] = 5
    max_suppression: Annotated[float, Meta(ge=0, le=1, description="Share of the rows that may be left out.")] = 0.1
    columns: Annotated[tuple[str, ...], Meta(description="Columns that are left out.")] = ()

    def on_release(self, release: Release, fitting: ReleaseFitting) -> Release:
        """Return the release without these columns and without rare rows.

        Raises:
            ShapeMismatch: a column that the release does not have.
            ControlFailed: more rows are rare than may be left out.
        """
        import numpy as np
        import polars as pl

        for name in self.columns:
            if name not in release.table.columns:
                raise ShapeMismatch(
                    f"the release has no column {name!r}.{did_you_mean(name, release.table.columns)}",
                    where=f"{self.id}: columns",
                    fix=f"its columns are: {', '.join(release.table.columns)}",
                )
        release = release.drop(*self.columns)
        names = release.columns("quasi-identifier")
        if not names or not len(release):
            return release
        alike = release.table.select(pl.len().over(names)).to_series().to_numpy()
        rows = np.flatnonzero(alike >= self.k)
        rare = 1 - len(rows) / len(release)
        if rare > self.max_suppression:
            raise ControlFailed(
                f"{rare:.1%} of the rows look like fewer than {self.k - 1} others",
                where=self.id,
                why=f"at most {self.max_suppression:.1%} may be left out",
                fix="blur or leave out quasi-identifiers first, or raise max-suppression",
            )
        return replace(release, table=release.table[rows], rows=release.rows[rows])
