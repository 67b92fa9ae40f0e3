"""The verification of an encrypted program as one HTML page that needs nothing else: no network, no script."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from casemate import __version__
from casemate.controls.encrypted_service.signed_verification import SignedVerification
from casemate.controls.encrypted_service.verification import judged
from casemate.report import sight, words
from casemate.report.verification_facts import costs, facts, headline, parameters, queried

if TYPE_CHECKING:
    from jinja2 import Environment

_LONGEST = 400


def render(signed: SignedVerification) -> bytes:
    """Return the page, UTF-8. It holds no row of anybody's: the one that is drawn is made up of medians."""
    record = signed.verification
    seen = record.seen
    return (
        _environment()
        .get_template("verification.html.j2")
        .render(
            v=record,
            headline=headline(record),
            checks=judged(record),
            row=sight.row_bars(seen.names, seen.row, seen.low, seen.high),
            left_out=max(len(seen.row) - sight.MOST_FEATURES, 0),
            residues=sight.residue_bars(seen.bins),
            noise=sight.noise(seen.sample),
            costs=costs(record),
            queried=queried(record),
            parameters=parameters(record),
            facts=facts(signed),
            version=__version__,
            style=_style(),
        )
        .encode()
    )


@cache
def _style() -> Markup:
    """The style sheets, which are ours and hold nothing of a program."""
    folder = resources.files("casemate.report").joinpath("templates")
    names = ("style.css", "profile.css", "verification.css")
    return Markup("".join(folder.joinpath(name).read_text("utf-8") for name in names))  # noqa: S704


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    def shown(value: Any) -> Any:
        """Everything that the template prints comes through here; what is not ours is escaped after it."""
        if isinstance(value, Markup) or not isinstance(value, str):
            return "" if value is None else value
        return value if value.startswith("data:image/png;base64,") else words.printable(words.clip(value, _LONGEST))

    made = Environment(
        loader=PackageLoader("casemate.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(words=words)
    return made
