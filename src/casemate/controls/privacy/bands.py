"""Bands: publish fixed bands of values, the same for all rows, so that every row looks like k - 1 others."""

from __future__ import annotations

from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from casemate.controls.privacy.declaration import GeneraliseTable
from casemate.core.control import Control, ReleaseFitting, control
from casemate.core.release import Release
from casemate.systems.declaration import Fraction

if TYPE_CHECKING:
    import polars

    from casemate.controls.anonymity.domains import Detail


@control(
    "privacy.bands",
    mitigates=("re-identification", "singling-out"),
    limit="what an attacker knows beside the declared quasi-identifiers (Narayanan & Shmatikov, IEEE S&P 2008), and "
    "sensitive values that a whole group shares, unless l or t forbids it (Machanavajjhala et al., TKDD 2007); that "
    "narrower bands did not suffice tells something, too (Wong, Fu, Wang & Pei, VLDB 2007)",
)
class Bands(Control):
    """Choose for every quasi-identifier one level of its hierarchy for all rows, the least that suffices.

    Of all choices that keep the guarantee, the one that loses least detail is found. The guarantee is ``k``
    rows that look alike and ``l`` sensitive values in every group, counted as ``l_kind`` says, no farther than ``t``
    from all rows' (earth mover's distance). Up to ``max_suppression`` of the rows are left out where too few look like
    them. ``columns`` gives the hierarchies; without one numbers get round bands, dates months, quarters, years and
    decades, and words are published as they are or not at all. Bands are wider than Mondrian's ranges, but their ends
    are no row's values.

    Source: Samarati, "Protecting respondents' identities in microdata release", IEEE TKDE 13(6) 2001; LeFevre, DeWitt
    & Ramakrishnan, "Incognito", SIGMOD 2005.
    """

    k: Annotated[int, Meta(ge=1, description="Rows that look alike, at least.")] = 5
    l: Annotated[int, Meta(ge=1, description="Sensitive values in every group, at least.")] = 1  # noqa: E741
    l_kind: Annotated[Literal["distinct", "entropy"], Meta(description="How sensitive values are counted.")] = (
        "distinct"
    )
    t: Annotated[Fraction | None, Meta(description="Largest distance of a group's sensitive values.")] = None
    max_suppression: Annotated[float, Meta(ge=0, lt=1, description="Share of the rows that may be left out.")] = 0.02
    columns: Annotated[dict[str, GeneraliseTable], Meta(description="Hierarchies of single quasi-identifiers.")] = (
        field(default_factory=dict)
    )

    def beside(self, folder: Path) -> Control:
        """Return the control with its hierarchy files read."""
        from casemate.controls.privacy.blurring import with_rows

        return replace(self, columns=with_rows(self.columns, folder))

    def detail(self, name: str, values: polars.Series) -> Detail:
        """Return how a quasi-identifier with these values may be blurred."""
        from casemate.controls.anonymity.automatic import automatic
        from casemate.controls.privacy.blurring import declared

        return automatic(values, declared(self.columns, name))

    def on_release(self, release: Release, fitting: ReleaseFitting) -> Release:
        """Return the release with bands in place of its quasi-identifiers' values.

        Raises:
            ControlFailed: no quasi-identifier, or one that holds pseudonyms.
            DataError: fewer than k rows, less diversity than asked for, too many choices, or a hierarchy that does not
                fit the data.
        """
        from casemate.controls.anonymity.grouping import Guarantee
        from casemate.controls.anonymity.lattice import lattice, render_bands
        from casemate.controls.privacy import blurring

        made = blurring.coded(release, self.columns, self.id, self.detail)
        secrets, ordered = blurring.sensitive(release)
        chosen = lattice(
            made,
            Guarantee(self.k, self.l, self.l_kind == "entropy", self.t),
            sensitive=secrets,
            ordinal_sensitive=ordered,
            max_suppression=self.max_suppression,
        )
        shown = render_bands(chosen, made)
        return blurring.published(release, shown.rows, shown.columns, shown.meanings)
