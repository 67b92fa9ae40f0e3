"""Writes the reference pages from docstrings, the catalogue and the system file's schema.

Run by `make docs`. What it writes is not kept under version control: the sources say it already.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from commands import commands_page
from marks import bullets, first_line, links, module_text, prose, table
from tables import deref, policy_page, system_file_page, type_of

import casemate
from casemate.attacks import attacks
from casemate.controls import controls
from casemate.controls.privacy.policy import policy_schema
from casemate.core.attack import Attack
from casemate.core.control import Control
from casemate.core.threat import Reference
from casemate.systems.json_schema import json_schema
from casemate.threats import catalogue

HERE = Path(__file__).parent
REFERENCE = HERE / "reference"
BUDGET_KEYS = {"share": "training-share"}
"""Keys of the system file that are not the budget's own names in kebab case."""


def main() -> None:
    """Write every page."""
    pages = {
        "threats.md": threats_page(),
        "system-file.md": system_file_page(json_schema()),
        "privacy-policy.md": policy_page(policy_schema()),
        "words.md": words_page(),
        "commands.md": commands_page(),
        **{f"attacks/{a.id}.md": attack_page(a) for a in attacks().values()},
        **{f"controls/{c.id}.md": control_page(c) for c in controls().values()},
        "attacks/index.md": index_page(
            "Attacks", {a.id: first_line(sys.modules[a.module]) for a in attacks().values()}
        ),
        "controls/index.md": index_page(
            "Controls", {c.id: first_line(sys.modules[c.module]) for c in controls().values()}
        ),
    }
    for name, text in pages.items():
        path = REFERENCE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.rstrip() + "\n", encoding="utf-8")
    print(f"wrote {len(pages)} pages under {REFERENCE}")


def attack_page(attack: Attack) -> str:
    """What it is, its source, what it needs, what it tests, what mitigates it."""
    threat = catalogue().threat(attack.threat)
    mitigating = [c.id for c in controls().values() if attack.threat in c.mitigates]
    needs, budget = attack.needs, attack.needs.budget
    rows = [("Knowledge", needs.knowledge), *_needs(attack)]
    spends = {BUDGET_KEYS.get(k, k.replace("_", "-")): v for k, v in vars(budget).items() if v is not None}
    rows.append(("Default budget", ", ".join(f"`{k} = {_toml(v)}`" for k, v in spends.items()) or "none"))
    rows.append(("Norms", ", ".join(attack.norms) or "changes no inputs"))
    rows.append(("Adapts to", ", ".join(attack.adapts_to) or "no control in particular"))
    body = [
        f"# {attack.id}",
        module_text(sys.modules[attack.module]),
        table(("Threat", f"[{threat.title}](../threats.md#{threat.id})"), rows),
        "## How it works",
        prose(attack.doc),
        "## What it measures",
        (
            f"{threat.effect[:1].upper()}{threat.effect[1:]}. The catalogue's default limit is "
            f"**{_limit(threat.default_limit)}**; set yours under `[policy.limits]` as `{threat.id}` or as "
            f'`"{attack.id}"`.'
        ),
        '## Before a "held" is believed',
        "The attack must break its vulnerable twin, "
        + (
            f"`{attack.twin.__module__}.{attack.twin.__qualname__}`: " + first_line(attack.twin)
            if attack.twin
            else "(none)"
        ),
        "## What to do when it wins",
        bullets(threat.remedies),
        "Controls that claim to mitigate it: " + (links(mitigating, "../controls") or "none yet") + ".",
        "## References",
        bullets(_cited(reference) for reference in threat.references),
    ]
    return "\n\n".join(body)


def control_page(control: type[Control]) -> str:
    """What it is, its claim, its limit, its options."""
    tested = [a.id for a in attacks().values() if a.threat in control.mitigates]
    schema = json_schema(controls().values())
    options = schema["$defs"][f"Control-{control.id}"]
    rows = [
        (
            f"`{name}`",
            type_of(deref(spec, schema)),
            f"`{spec.get('default', 'required' if name in options['required'] else 'none')}`".lower(),
            spec.get("description", ""),
        )
        for name, spec in options["properties"].items()
        if name != "use"
    ]
    example = "\n".join(["```toml", "[[controls]]", f'use = "{control.id}"', "```"])
    threats = ", ".join(f"[{t}](../threats.md#{t})" for t in control.mitigates)
    body = [
        f"# {control.id}",
        module_text(sys.modules[control.module]),
        example,
        table(("Option", "Type", "Default", "What it does"), rows),
        "## How it works",
        _in_kebab(prose(inspect.getdoc(control) or ""), options),
        "It acts through " + ", ".join(f"`{hook}`" for hook in control.hooks) + ".",
        "## Claim",
        f"Mitigates {threats}. Tested by {links(tested, '../attacks') or 'no attack yet'}.",
        "## Limit",
        f"It does not stop {control.limit}.",
    ]
    return "\n\n".join(body)


def _in_kebab(text: str, options: Iterable[str]) -> str:
    """Options as the system file spells them."""
    for option in options:
        text = text.replace(f"`{option.replace('-', '_')}`", f"`{option}`")
    return text


def threats_page() -> str:
    """The catalogue."""
    book = catalogue()
    parts = [
        "# Threats",
        (
            f"The threat catalogue, edition {book.edition}. A reference that could not be checked against the original "
            "says so."
        ),
    ]
    for threat in book.threats.values():
        tested = [a.id for a in attacks().values() if a.threat == threat.id]
        mitigated = [c.id for c in controls().values() if threat.id in c.mitigates]
        parts += [
            f"## {threat.title} {{ #{threat.id} }}",
            threat.description,
            table(
                ("Id", f"`{threat.id}`"),
                [
                    ("At stake", threat.asset),
                    ("Stage", threat.stage),
                    ("Effect", threat.effect),
                    ("Default limit", _limit(threat.default_limit)),
                    ("Attacks", links(tested, "attacks") or "none yet"),
                    ("Controls", links(mitigated, "controls") or "none yet"),
                ],
            ),
            "Remedies:",
            bullets(threat.remedies),
            "References:",
            bullets(_cited(reference) for reference in threat.references),
        ]
    return "\n\n".join(parts)


def words_page() -> str:
    """The public words, from their docstrings."""
    parts = [
        "# The words",
        "Every name below is a type that `casemate` exports. They are the only words for these things.",
    ]
    for name in casemate.__all__:
        thing = getattr(casemate, name)
        if name.startswith("_") or not (inspect.isclass(thing) or inspect.isfunction(thing)):
            continue
        parts += [f"## {name} {{ #{name.lower()} }}", f"`{thing.__module__}`", prose(inspect.getdoc(thing) or "")]
        if inspect.isclass(thing):
            members = [(n, m) for n, m in vars(thing).items() if not n.startswith("_")]
            rows = [(f"`{n}`", first_line(m)) for n, m in members if first_line(m)]
            if rows:
                parts.append(table(("Member", "What it is"), rows))
    return "\n\n".join(parts)


def index_page(title: str, lines: dict[str, str]) -> str:
    """A table of pages."""
    return f"# {title}\n\n" + table(("Id", "What it is"), [(f"[{id}]({id}.md)", text) for id, text in lines.items()])


def _needs(attack: Attack) -> Iterable[tuple[str, str]]:
    words = attack.needs.lacks(type(attack.needs)())
    yield "Needs", ", ".join(words) or "answers only"
    yield "Requires of the system", ", ".join(attack.requires) or "nothing in particular"


def _cited(reference: Reference) -> str:
    """One entry of a framework, linked where it has a page."""
    return f"[{reference.label}]({reference.url})" if reference.url else reference.label


def _toml(value: Any) -> str:
    """A value as the system file spells it."""
    return f'"{value}"' if isinstance(value, str) else str(value)


def _limit(limit: float | None) -> str:
    return "none: the policy must name one" if limit is None else f"{limit:.0%}"


if __name__ == "__main__":
    main()
