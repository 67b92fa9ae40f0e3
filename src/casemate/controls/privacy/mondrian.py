"""Mondrian: publish ranges and sets in place of values, so that every row looks like k - 1 others."""

from __future__ import annotations

from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from casemate.controls.privacy.declaration import GeneraliseTable, Ranges
from casemate.core.control import Control, ReleaseFitting, control
from casemate.core.release import Release
from casemate.systems.declaration import Fraction

if TYPE_CHECKING:
    import polars

    from casemate.controls.anonymity.domains import Detail


@control(
    "privacy.mondrian",
    mitigates=("re-identification", "singling-out"),
    limit="what an attacker knows beside the declared quasi-identifiers (Narayanan & Shmatikov, IEEE S&P 2008); "
    "sensitive values that a whole group shares, unless l or t forbids it (Machanavajjhala et al., TKDD 2007); "
    "downcoding of free ranges (Cohen, USENIX Security 2022): tight ones end at rows' values, and in loose ones the "
    "middle is still likelier than the ends",
)
class Mondrian(Control):
    """Cut the table at medians for as long as every part fulfils the guarantee; publish each part's ranges.

    Every published row then looks like at least ``k`` - 1 others in all quasi-identifiers. ``l`` sensitive values
    occur in every group, counted as ``l_kind`` says (how many differ, or the exponential of their entropy), and
    ``t`` limits how far a group's sensitive values lie from all rows' (earth mover's distance). ``relaxed`` lets equal
    values fall on both sides of a cut, and ``noise`` moves cuts away from the middle at random, by up to this share
    of a part's rows, against attacks that compute the cuts again. No row is left out.

    ``ranges`` says what is published of a part. "bands": names of hierarchies alone, which are chosen before any row
    is seen, and cuts lie where they end; ``columns`` gives them, and without one numbers get round bands, dates months,
    quarters, years and decades, and words halves of the column's values in their order. "loose": ranges, of which the
    ends are moved outwards to round numbers, or to a grid that the rows within do not decide. "tight": the narrowest
    ranges; whoever reads the table knows that somebody sits at every end. ``columns`` also gives order and weight.

    Source: LeFevre, DeWitt & Ramakrishnan, "Mondrian multidimensional k-anonymity", ICDE 2006; l-diversity:
    Machanavajjhala et al., TKDD 2007; t-closeness: Li, Li & Venkatasubramanian, ICDE 2007.
    """

    k: Annotated[int, Meta(ge=1, description="Rows that look alike, at least.")] = 5
    l: Annotated[int, Meta(ge=1, description="Sensitive values in every group, at least.")] = 1  # noqa: E741
    l_kind: Annotated[Literal["distinct", "entropy"], Meta(description="How sensitive values are counted.")] = (
        "distinct"
    )
    t: Annotated[Fraction | None, Meta(description="Largest distance of a group's sensitive values.")] = None
    relaxed: Annotated[bool, Meta(description="Equal values may fall on both sides of a cut.")] = False
    noise: Annotated[float, Meta(ge=0, lt=0.5, description="Random share by which cuts leave the middle.")] = 0.0
    ranges: Annotated[Ranges, Meta(description="What is published of a group's values.")] = "bands"
    columns: Annotated[dict[str, GeneraliseTable], Meta(description="How single quasi-identifiers may be blurred.")] = (
        field(default_factory=dict)
    )

    def beside(self, folder: Path) -> Control:
        """Return the control with its hierarchy files read."""
        from casemate.controls.privacy.blurring import with_rows

        return replace(self, columns=with_rows(self.columns, folder))

    def detail(self, name: str, values: polars.Series) -> Detail:
        """Return how a quasi-identifier with these values may be blurred."""
        from casemate.controls.privacy.blurring import declared

        return replace(declared(self.columns, name), within=self.ranges == "bands")

    def on_release(self, release: Release, fitting: ReleaseFitting) -> Release:
        """Return the release with blurred quasi-identifiers.

        Raises:
            ControlFailed: no quasi-identifier, or one that holds pseudonyms.
            DataError: fewer than k rows, less diversity than asked for, or a hierarchy that does not fit the data.
        """
        from casemate.controls.anonymity.grouping import Guarantee
        from casemate.controls.anonymity.mondrian import mondrian
        from casemate.controls.anonymity.rendering import render
        from casemate.controls.privacy import blurring

        made = blurring.coded(release, self.columns, self.id, self.detail)
        secrets, ordered = blurring.sensitive(release)
        groups = mondrian(
            made.codes,
            Guarantee(self.k, self.l, self.l_kind == "entropy", self.t),
            weights=made.weights,
            sensitive=secrets,
            ordinal_sensitive=ordered,
            relaxed=self.relaxed,
            noise=self.noise,
            seed=fitting.seed,
            trees=[domain.tree for domain in made.domains],
        )
        shown = render(groups, made, loose=self.ranges == "loose")
        return blurring.published(release, shown.rows, shown.columns, shown.meanings)
