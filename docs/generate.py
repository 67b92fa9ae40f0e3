"""Writes the reference pages from docstrings, the catalogue and the system file's schema.

Run by `make docs`. What it writes is not kept under version control: the sources say it already.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import casemate
from casemate.attacks import attacks
from casemate.controls import controls
from casemate.core.attack import Attack
from casemate.core.control import Control
from casemate.core.policy import COSTS
from casemate.systems.json_schema import json_schema
from casemate.threats import catalogue

HERE = Path(__file__).parent
REFERENCE = HERE / "reference"


def main() -> None:
    """Write every page."""
    pages = {
        "threats.md": threats_page(),
        "system-file.md": system_file_page(json_schema()),
        "words.md": words_page(),
        **{f"attacks/{a.id}.md": attack_page(a) for a in attacks().values()},
        **{f"controls/{c.id}.md": control_page(c) for c in controls().values()},
        "attacks/index.md": index_page("Attacks", {a.id: first_line(sys.modules[a.module]) for a in attacks().values()}),
        "controls/index.md": index_page("Controls", {c.id: first_line(sys.modules[c.module]) for c in controls().values()}),
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
    rows = [("Threat", f"[{threat.title}](../threats.md#{threat.id})"), ("Knowledge", needs.knowledge)]
    rows += [(label, value) for label, value in _needs(attack)]
    spends = {k.replace("_", "-"): v for k, v in vars(budget).items() if v is not None}
    rows.append(("Default budget", ", ".join(f"{k} = {v}" for k, v in spends.items()) or "none"))
    rows.append(("Norms", ", ".join(attack.norms) or "changes no inputs"))
    rows.append(("Adapts to", ", ".join(attack.adapts_to) or "no control in particular"))
    body = [
        f"# {attack.id}",
        module_text(sys.modules[attack.module]),
        prose(attack.doc),
        table(("", ""), rows),
        "## What it measures",
        f"{threat.effect[:1].upper()}{threat.effect[1:]}. The catalogue's default limit is **{_limit(threat.default_limit)}**; "
        f"set yours under `[policy.limits]` as `{threat.id}` or `\"{attack.id}\"`.",
        "## Before a \"held\" is believed",
        "The attack must break its vulnerable twin, "
        + (f"`{attack.twin.__module__}.{attack.twin.__qualname__}`: " + first_line(attack.twin) if attack.twin else "(none)"),
        "## What to do when it wins",
        bullets(threat.remedies),
        "Controls that claim to mitigate it: " + (links(mitigating, "../controls") or "none yet") + ".",
        "## References",
        bullets(reference.label for reference in threat.references),
    ]
    return "\n\n".join(body)


def control_page(control: type[Control]) -> str:
    """What it is, its claim, its limit, its options."""
    tested = [a.id for a in attacks().values() if a.threat in control.mitigates]
    schema = json_schema(controls().values())
    options = schema["$defs"][f"Control-{control.id}"]["properties"]
    rows = [
        (f"`{name}`", _type(_deref(spec, schema)), f"`{spec.get('default', 'required')}`".lower(), spec.get("description", ""))
        for name, spec in options.items()
        if name != "use"
    ]
    example = "\n".join(["```toml", "[[controls]]", f'use = "{control.id}"', "```"])
    threats = ", ".join(f"[{t}](../threats.md#{t})" for t in control.mitigates)
    body = [
        f"# {control.id}",
        module_text(sys.modules[control.module]),
        prose(inspect.getdoc(control) or ""),
        example,
        table(("Option", "Type", "Default", "What it does"), rows),
        "## Claim",
        f"Mitigates {threats}. Tested by {links(tested, '../attacks') or 'no attack yet'}.",
        "## Limit",
        f"It does not stop {control.limit}." if control.limit[:1].islower() else control.limit,
        "## Hooks",
        ", ".join(f"`{hook}`" for hook in control.hooks),
    ]
    return "\n\n".join(body)


def threats_page() -> str:
    """The catalogue."""
    book = catalogue()
    parts = [
        "# Threats",
        f"The threat catalogue, edition {book.edition}. A reference that could not be checked against the original says so.",
    ]
    for threat in book.threats.values():
        tested = [a.id for a in attacks().values() if a.threat == threat.id]
        mitigated = [c.id for c in controls().values() if threat.id in c.mitigates]
        parts += [
            f"## {threat.title} {{ #{threat.id} }}",
            threat.description,
            table(
                ("", ""),
                [
                    ("Id", f"`{threat.id}`"),
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
            bullets(reference.label for reference in threat.references),
        ]
    return "\n\n".join(parts)


def system_file_page(schema: dict[str, Any]) -> str:
    """Every table and key of casemate.toml."""
    parts = [
        "# The system file",
        "One file, `casemate.toml`, describes one machine-learning system. `casemate init` writes a first one from your data; "
        "`casemate schema` prints the JSON Schema that editors can check it with. A mistake is told with file, line and key. "
        "Paths are relative to the file.",
        *_tables(_deref(schema, schema), schema),
        "## Costs that a policy may limit",
        table(("Cost", "What it measures"), [(f"`{name}`", text) for name, text in COSTS.items()]),
        "## Controls",
        "Each `[[controls]]` entry names a control by `use`, and takes that control's options and `on-error`: "
        + links(list(controls()), "controls") + ".",
    ]
    return "\n\n".join(parts)


def _tables(schema: dict[str, Any], root: dict[str, Any], path: str = "") -> Iterable[str]:
    properties = schema.get("properties", {})
    plain = [(key, spec) for key, spec in properties.items() if not _table_of(spec, root)]
    if path and plain:
        yield f"## `[{path}]`"
        if schema.get("description"):
            yield schema["description"]
        required = set(schema.get("required", ()))
        yield table(
            ("Key", "Type", "Default", "Meaning"),
            [
                (
                    f"`{key}`" + (" (required)" if key in required else ""),
                    _type(_deref(spec, root)),
                    "" if key in required or spec.get("default") in (None, "", [], {}) else f"`{spec['default']}`".lower(),
                    spec.get("description") or _deref(spec, root).get("description", ""),
                )
                for key, spec in plain
            ],
        )
    for key, spec in properties.items():
        inner = _table_of(spec, root)
        if inner:
            yield from _tables(inner[1], root, f"{path}.{key}{inner[0]}".lstrip("."))


def _table_of(spec: dict[str, Any], root: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The table that a key holds: itself, one per name, or one per entry."""
    spec = _deref(spec, root)
    for option in (spec, *(_deref(o, root) for o in spec.get("anyOf", ()))):
        if "properties" in option:
            return "", option
        extra = option.get("additionalProperties")
        if isinstance(extra, dict) and "properties" in _deref(extra, root):
            return ".<name>", _deref(extra, root)
        items = option.get("items")
        if isinstance(items, dict) and "properties" in _deref(items, root):
            return "", _deref(items, root)
    return None


def _deref(spec: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in spec:
        target: Any = root
        for part in spec["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        spec = {**target, **{k: v for k, v in spec.items() if k != "$ref"}}
    return spec


def _type(spec: dict[str, Any]) -> str:
    if "enum" in spec:
        return " or ".join(f"`{value}`" for value in spec["enum"])
    if "anyOf" in spec:
        return " or ".join(_type(option) for option in spec["anyOf"] if option.get("type") != "null")
    kind = spec.get("type", "any")
    names = {"string": "text", "array": "list", "object": "table"}
    text = " or ".join(names.get(k, k) for k in kind) if isinstance(kind, list) else names.get(kind, kind)
    bounds = [
        f"{sign} {spec[key]}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in spec
    ]
    return text + (f" ({', '.join(bounds)})" if bounds else "")


def words_page() -> str:
    """The public words, from their docstrings."""
    parts = ["# The words", "Every name below is a type that `casemate` exports. They are the only words for these things."]
    for name in casemate.__all__:
        thing = getattr(casemate, name)
        if name.startswith("_") or not (inspect.isclass(thing) or inspect.isfunction(thing)):
            continue
        parts += [f"## {name} {{ #{name.lower()} }}", f"`{thing.__module__}`", prose(inspect.getdoc(thing) or "")]
        if inspect.isclass(thing):
            members = [(n, m) for n, m in vars(thing).items() if not n.startswith("_")]
            rows = [(f"`{n}`", first_line(m)) for n, m in members if first_line(m)]
            if rows:
                parts.append(table(("Member", ""), rows))
    return "\n\n".join(parts)


def index_page(title: str, lines: dict[str, str]) -> str:
    """A table of pages."""
    return f"# {title}\n\n" + table(("Id", ""), [(f"[{id}]({id}.md)", text) for id, text in lines.items()])


def prose(doc: str) -> str:
    """A docstring as Markdown: its sections become lists."""
    out: list[str] = []
    for line in doc.splitlines():
        heading = re.fullmatch(r"(Args|Raises|Returns|Attributes|Yields):", line)
        entry = re.fullmatch(r"    (\S[^:]*): (.*)", line)
        if heading:
            out += ["", f"**{heading[1].replace('Args', 'Arguments')}**", ""]
        elif entry:
            out.append(f"- `{entry[1]}`: {entry[2]}")
        elif line.startswith("    ") and out:
            out.append("  " + line.strip())
        else:
            out.append(line)
    return re.sub(r"``([^`]+)``", r"`\1`", "\n".join(out))


def module_text(module: Any) -> str:
    """A module's docstring as Markdown."""
    return prose(inspect.getdoc(module) or "")


def first_line(thing: Any) -> str:
    """The first sentence of a docstring, or nothing."""
    if isinstance(thing, classmethod | staticmethod):
        thing = thing.__func__
    doc = inspect.getdoc(getattr(thing, "fget", None) or getattr(thing, "func", None) or thing)
    if not doc or (not callable(thing) and not inspect.ismodule(thing) and not hasattr(thing, "fget") and not hasattr(thing, "func")):
        return ""
    return re.sub(r"``([^`]+)``", r"`\1`", doc.split("\n\n")[0].replace("\n", " "))


def table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def bullets(lines: Iterable[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def links(ids: Iterable[str], folder: str) -> str:
    """Links to pages, separated by commas."""
    return ", ".join(f"[{id}]({folder}/{id}.md)" for id in ids)


def _needs(attack: Attack) -> Iterable[tuple[str, str]]:
    words = attack.needs.lacks(type(attack.needs)())
    yield "Needs", ", ".join(words) or "answers only"
    yield "Requires of the system", ", ".join(attack.requires) or "nothing in particular"


def _limit(limit: float | None) -> str:
    return "none: the policy must name one" if limit is None else f"{limit:.0%}"


if __name__ == "__main__":
    main()
