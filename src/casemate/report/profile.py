"""The profile of a table as one HTML page that needs nothing else: no network, no script, on screen and on paper."""

from __future__ import annotations

from functools import cache
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from casemate import __version__
from casemate.controls.profiling.findings import figures, findings, listed, share, telling
from casemate.controls.profiling.profile import EPSILON, LARGEST, Profile
from casemate.controls.profiling.risk import EDGES
from casemate.report import charts, words
from casemate.report.histogram import histogram

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_COLUMNS = 400
"""Columns in the table of roles; the JSON holds them all."""

_LONGEST = 200


def render(profile: Profile) -> bytes:
    """Return the page, UTF-8. It holds names of columns, figures and masked shapes, and no value of the table."""
    found = findings(profile)
    template = _environment().get_template("profile.html.j2")
    labels = [f"{low}" if low + 1 == high else f"{low}–{high - 1}" for low, high in pairwise(EDGES)]
    return template.render(
        p=profile,
        found=found,
        sets=telling(profile.sets),
        widest=max((one.risk.unique for one in profile.sets), default=0.0),
        figures=figures(profile.risk) if profile.risk is not None else (),
        histogram=histogram(profile.risk.histogram, [*labels, f"{EDGES[-1]}+"]) if profile.risk is not None else "",
        columns=profile.columns[:MOST_COLUMNS],
        order={"identifier": 0, "quasi-identifier": 1, "sensitive": 2, "target": 3, "feature": 4, "ignored": 5},
        epsilon=EPSILON,
        largest=LARGEST,
        version=__version__,
        style=_style(),
    ).encode()


@cache
def _style() -> Markup:
    """The style sheets, which are ours and hold nothing of a table."""
    folder = resources.files("casemate.report").joinpath("templates")
    return Markup("".join(folder.joinpath(name).read_text("utf-8") for name in ("style.css", "profile.css")))  # noqa: S704


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    def shown(value: Any) -> Any:
        """Everything that the template prints comes through here; what is not ours is escaped after it."""
        if isinstance(value, Markup) or not isinstance(value, str):
            return "" if value is None else value
        return words.printable(words.clip(value, _LONGEST))

    made = Environment(
        loader=PackageLoader("casemate.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(words=words, charts=charts, share=share, listed=listed)
    return made
