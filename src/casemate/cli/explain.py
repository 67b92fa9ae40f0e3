"""casemate explain: what an attack, a control or a threat is, and where to read more."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from casemate.attacks import attacks
from casemate.cli.docs import summary
from casemate.cli.page import Page
from casemate.controls import controls
from casemate.core.errors import UnknownName, did_you_mean
from casemate.report import words
from casemate.threats import catalogue

if TYPE_CHECKING:
    from casemate.core.attack import Attack
    from casemate.core.control import Control
    from casemate.core.threat import Threat


def command(id: str, /) -> int:
    """Say what an attack, a control or a threat is, with sources.

    Args:
        id: Id of an attack, a control or a threat, as casemate list shows it.
    """
    threats = catalogue().threats
    aliases = {alias for threat in threats.values() for alias in threat.aliases}
    if id in attacks():
        page = _attack(attacks()[id])
    elif id in controls():
        page = _control(controls()[id])
    elif id in threats or id in aliases:
        page = _threat(catalogue().threat(id))
    else:
        known = [*attacks(), *controls(), *threats, *aliases]
        raise UnknownName(
            f"there is no attack, control or threat {id!r}.{did_you_mean(id, known)}",
            fix="casemate list attacks, casemate list controls or casemate list threats",
        )
    page.show()
    return 0


def _attack(attack: Attack) -> Page:
    threat = catalogue().threat(attack.threat)
    page = Page(f"{attack.id}  (attack)", summary(attack.module))
    page.text("How it works", attack.doc)
    page.facts(
        "What it needs",
        {
            "access": words.granted(attack.needs),
            "of the system": ", ".join(attack.requires),
            "norms": ", ".join(attack.norms),
            "default budget": words.budget(attack.needs.budget),
            "adapts to": ", ".join(attack.adapts_to),
        },
    )
    twin = "ships one; an assessment breaks it again before it believes a held" if attack.twin else "none of its own"
    page.items("Vulnerable twin", [twin])
    _about_threat(page, threat)
    page.items("Controls that claim to mitigate it", _mitigating(threat.id))
    page.items("Try it", [f"casemate assess --attack {attack.id}"])
    return page


def _control(control: type[Control]) -> Page:
    page = Page(f"{control.id}  (control)", summary(control.module))
    page.text("How it works", inspect.getdoc(control) or "")
    page.text("What it does not stop", control.limit)
    page.items("Acts through", [f"{hook}: {_hook(control, hook)}" for hook in control.hooks])
    page.items("Options in the system file", _options(control))
    page.items("Mitigates, by its own claim", control.mitigates)
    page.items("Attacks that test the claim", [a.id for a in attacks().values() if a.threat in control.mitigates])
    page.items("Try it: add to casemate.toml", ["[[controls]]", f'use = "{control.id}"'])
    return page


def _threat(threat: Threat) -> Page:
    page = Page(f"{threat.id}  (threat)", threat.title)
    page.text("What it is", threat.description)
    page.facts("Where", {"asset": threat.asset, "stage": threat.stage, "also called": ", ".join(threat.aliases)})
    _about_threat(page, threat)
    page.items("Attacks that test it", [a.id for a in attacks().values() if a.threat == threat.id])
    page.items("Controls that claim to mitigate it", _mitigating(threat.id))
    return page


def _about_threat(page: Page, threat: Threat) -> None:
    limit = "none: the policy must name one" if threat.default_limit is None else f"{threat.default_limit:g}"
    page.facts("Threat", {"id": threat.id, "limit bounds": threat.effect, "default limit": limit})
    page.items("Remedies", threat.remedies)
    page.items("References", [line for r in threat.references for line in (r.label, f"  {r.url}") if line.strip()])


def _mitigating(threat: str) -> list[str]:
    return [control.id for control in controls().values() if threat in control.mitigates]


def _hook(control: type[Control], hook: str) -> str:
    doc = inspect.getdoc(getattr(control, hook)) or ""
    return doc.partition("\n")[0]


def _options(control: type[Control]) -> list[str]:
    """Options by name with their defaults; an option without a default must be given."""
    from dataclasses import MISSING

    from casemate.core.control import default_of, option_fields

    defaults = {key: default_of(spec) for key, spec in option_fields(control).items()}
    return [
        f"{key}  ({'must be given' if default is MISSING else f'default {default!r}'})"
        for key, default in defaults.items()
    ]
