"""The page of the system file: every table and key, from its JSON Schema."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marks import escaped, links, prose, table

from casemate.controls import controls
from casemate.core.policy import COSTS


def system_file_page(schema: dict[str, Any]) -> str:
    """Every table and key of casemate.toml."""
    parts = [
        "# The system file",
        (
            "One file, `casemate.toml`, describes one machine-learning system. `casemate init` writes a first one from "
            "your data; `casemate schema` prints the JSON Schema that editors can check it with. A mistake is told "
            "with file, line and key. Paths are relative to the file. "
            "[Describe your system](../guide/describe-your-system.md) shows it by example."
        ),
        *_tables(deref(schema, schema), schema),
        "## Costs that a policy may limit",
        table(("Cost", "What it measures"), [(f"`{name}`", text) for name, text in COSTS.items()]),
        "## Controls",
        "Each `[[controls]]` entry names a control by `use`, and takes that control's options and `on-error`: "
        + links(list(controls()), "controls")
        + ".",
    ]
    return "\n\n".join(parts)


def policy_page(schema: dict[str, Any]) -> str:
    """Every table and key of a privacy policy."""
    parts = [
        "# The privacy policy",
        (
            "One file, `privacy.toml`, says what each column of a data set is to a person, what becomes of it, and "
            "what may leave the house, for what, and how. `casemate profile` writes a first one from a table; "
            "`casemate schema --of policy` prints the JSON Schema that editors can check it with. A mistake is told "
            "with file, line and key. Paths are relative to the file. It may also stand in a system file, as its table "
            "`[privacy-policy]`. [Protect the data](../guide/protect-data.md) shows it by example."
        ),
        "## The first lines",
        table(
            ("Key", "Type", "Default", "Meaning"),
            [
                _told(key, spec, schema, set(deref(schema, schema).get("required", ())))
                for key, spec in _plain(deref(schema, schema), schema)
            ],
        ),
        *_tables(deref(schema, schema), schema),
    ]
    return "\n\n".join(parts)


def _plain(schema: dict[str, Any], root: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Keys that hold no table."""
    return [(key, spec) for key, spec in schema.get("properties", {}).items() if not _table_of(spec, root)]


def _told(key: str, spec: dict[str, Any], root: dict[str, Any], required: set[str]) -> tuple[str, str, str, str]:
    """One row of a table of keys."""
    silent = key in required or spec.get("default") in (None, "", [], {})
    return (
        f"`{key}`" + (" (required)" if key in required else ""),
        type_of(deref(spec, root)),
        "" if silent else f"`{spec['default']}`".lower(),
        escaped(spec.get("description") or deref(spec, root).get("description", "")),
    )


def _tables(schema: dict[str, Any], root: dict[str, Any], path: str = "") -> Iterable[str]:
    properties = schema.get("properties", {})
    plain = _plain(schema, root)
    if path and plain:
        yield f"## `[{path}]`"
        if schema.get("description"):
            yield prose(schema["description"])
        required = set(schema.get("required", ()))
        yield table(("Key", "Type", "Default", "Meaning"), [_told(key, spec, root, required) for key, spec in plain])
    for key, spec in properties.items():
        inner = _table_of(spec, root)
        if inner:
            yield from _tables(inner[1], root, inner[0].format(f"{path}.{key}".lstrip(".")))


def _table_of(spec: dict[str, Any], root: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The table that a key holds, itself, one per name, or one per entry; and how its heading is made."""
    spec = deref(spec, root)
    for option in (spec, *(deref(o, root) for o in spec.get("anyOf", ()))):
        if "properties" in option:
            return "{}", option
        extra = option.get("additionalProperties")
        if isinstance(extra, dict) and "properties" in deref(extra, root):
            return "{}.<name>", deref(extra, root)
        items = option.get("items")
        if isinstance(items, dict) and "properties" in deref(items, root):
            return "[{}]", deref(items, root)
    return None


def deref(spec: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with its reference looked up in the root."""
    while "$ref" in spec:
        target: Any = root
        for part in spec["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        spec = {**target, **{k: v for k, v in spec.items() if k != "$ref"}}
    return spec


def type_of(spec: dict[str, Any]) -> str:
    """Return what a schema takes, in words, with its bounds."""
    if "enum" in spec:
        return " or ".join(f"`{value}`" for value in spec["enum"])
    if "anyOf" in spec:
        return " or ".join(type_of(option) for option in spec["anyOf"] if option.get("type") != "null")
    kind = spec.get("type", "any")
    names = {"string": "text", "array": "list", "object": "table"}
    text = " or ".join(names.get(k, k) for k in kind) if isinstance(kind, list) else names.get(kind, kind)
    if "prefixItems" in spec:
        text = f"list of {len(spec['prefixItems'])} {type_of(spec['prefixItems'][0])}s"
    elif kind == "array" and isinstance(spec.get("items"), dict):
        text = f"list of {type_of(spec['items'])}"
    bounds = [
        f"{sign} {spec[key]}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in spec
    ]
    return text + (f" ({', '.join(bounds)})" if bounds else "")
