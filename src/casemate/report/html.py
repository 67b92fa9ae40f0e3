"""HTML: one page that needs nothing else: no network, no script, under 1 MB, on screen and on paper."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from casemate.core.assessment import Assessment
from casemate.report import charts, summary, words
from casemate.report.evidence import AttackEvidence, Plenty, evidence
from casemate.report.facts import (
    ENCRYPTED_LEGEND,
    ENCRYPTED_PRICES,
    by_arm,
    encrypted_prices,
    facts,
    has_model,
    has_release,
    lineage_commands,
    not_run,
    waivers,
)
from casemate.report.matrix import cell_of, matrix
from casemate.report.standing import Standing, standing, tally

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_BYTES = 1_000_000
RATIONS = (
    Plenty(),
    Plenty(samples=2, alone=0, text=2000),
    Plenty(samples=1, alone=0, text=500),
    Plenty(samples=0, alone=0, text=300, arms=False),
)
"""How much is shown, the most first; the first that keeps the page under `MAX_BYTES` is taken."""


def render(assessment: Assessment) -> bytes:
    """Return the page, UTF-8.

    A long assessment shows fewer samples and shorter texts, and says so; its JSON holds them all.
    """
    page = b""
    for plenty in RATIONS:
        page = _page(assessment, plenty)
        if len(page) < MAX_BYTES:
            break
    return page


def _page(assessment: Assessment, plenty: Plenty) -> bytes:
    found = evidence(assessment, plenty)
    template = _environment(plenty.text).get_template("report.html.j2")
    return template.render(
        a=assessment,
        headline=summary.headline(assessment),
        worst=summary.worst(assessment),
        steps=summary.next_steps(assessment),
        again=summary.look_again(assessment),
        tally=tally(assessment.of("full")),
        matrix=matrix(assessment),
        evidence=found,
        named={attack.row.attack: attack for attack in found},
        costs_in_order=by_arm(assessment),
        links=_links(found),
        facts=facts(assessment),
        waivers=waivers(assessment),
        not_run=not_run(assessment),
        slowest=max((c.latency_ms or 0.0 for c in assessment.costs), default=0.0),
        encrypted=encrypted_prices(assessment),
        encrypted_titles=ENCRYPTED_PRICES,
        encrypted_legend=ENCRYPTED_LEGEND,
        grouped=any(cost.worst_group for cost in assessment.costs),
        has_model=has_model(assessment),
        has_release=has_release(assessment),
        lineage=lineage_commands(assessment),
        whole=plenty == RATIONS[0],
        style=_style(),
    ).encode()


def _links(found: tuple[AttackEvidence, ...]) -> dict[tuple[str, str], str]:
    return {(attack.row.attack, arm.finding.arm): arm.anchor for attack in found for arm in attack.arms}


@cache
def _style() -> Markup:
    """The style sheet, which is ours and holds nothing of an assessment."""
    return Markup(resources.files("casemate.report").joinpath("templates/style.css").read_text("utf-8"))  # noqa: S704


@cache
def _environment(text: int) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    def shown(value: Any) -> Any:
        """Everything that a template prints comes through here; what is not ours is escaped after it."""
        if value is None:
            return ""
        if isinstance(value, Markup) or not isinstance(value, str):
            return value
        return words.printable(words.clip(value, text))

    made = Environment(
        loader=PackageLoader("casemate.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        words=words, standing=standing, Standing=Standing, charts=charts, cell_of=cell_of, told=summary.told
    )
    made.filters.update(web=_web, percent=words.percent)
    return made


def _web(url: str) -> str:
    """Return an address that a link may lead to; empty for anything but the web."""
    return url if url.startswith(("https://", "http://")) else ""
