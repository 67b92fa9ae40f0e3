"""A JSON Schema of the system file, for editors and other checkers."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from casemate.core.control import Control, default_of, option_fields
from casemate.core.policy import COSTS
from casemate.systems.declaration import Declaration

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(controls: Iterable[type[Control]] = ()) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of casemate.toml; dates are text of the form 2030-12-31.

    Args:
        controls: with controls given, ``use`` must name one of them and every option is checked; without, any option
            passes.
    """
    (root,), definitions = msgspec.json.schema_components([Declaration], ref_template="#/$defs/{name}")
    options, more = _control_schema(list(controls))
    definitions |= more
    definitions["Declaration"]["properties"]["controls"]["items"] = options
    definitions["PolicyTable"]["properties"]["costs"]["propertyNames"] = {"enum": list(COSTS)}
    return _whole("casemate.toml", root, definitions)


def table_schema(kind: type[msgspec.Struct], title: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of any file whose root table is a ``kind``.

    Args:
        kind: the table.
        title: what the file is called.
    """
    (root,), definitions = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    return _whole(title, root, definitions)


def _whole(title: str, root: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = {"$schema": DIALECT, "title": title, **root, "$defs": definitions}
    return cast(dict[str, Any], msgspec.to_builtins(_without_null(schema)))


def _control_schema(controls: list[type[Control]]) -> tuple[dict[str, Any], dict[str, Any]]:
    on_error = {"enum": ["closed", "open"], "default": "closed", "description": "What becomes of a row when it fails."}
    use: dict[str, Any] = {"type": "string", "description": "Id of a control."}
    base = {"type": "object", "required": ["use"]}
    if not controls:
        return base | {"properties": {"use": use, "on-error": on_error}}, {}
    definitions: dict[str, Any] = {}
    cases = []
    for control in sorted(controls, key=lambda control: control.id):
        name = "Control-" + control.id
        definitions[name], more = _options(control, {"use": use | {"const": control.id}, "on-error": on_error})
        definitions |= more
        named = {"properties": {"use": {"const": control.id}}, "required": ["use"]}
        cases.append({"if": named, "then": {"$ref": f"#/$defs/{name}"}})
    ids = sorted(control.id for control in controls)
    return base | {"properties": {"use": use | {"enum": ids}}, "allOf": cases}, definitions


def _options(control: type[Control], common: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the schema of one control's table, and the definitions that it refers to."""
    own = {key: field for key, field in option_fields(control).items() if field.name != "on_error"}
    hints = typing.get_type_hints(control, include_extras=True)
    kinds = [hints[field.name] for field in own.values()]
    schemas, definitions = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    defaults = {key: default_of(field) for key, field in own.items()}
    required = [key for key, default in defaults.items() if default is dataclasses.MISSING]
    described = {
        key: schema if key in required else schema | {"default": msgspec.to_builtins(defaults[key])}
        for key, schema in zip(own, schemas, strict=True)
    }
    summary = (control.__doc__ or control.id).strip().splitlines()[0]
    table = {"type": "object", "description": summary, "properties": {**common, **described}}
    return table | {"required": ["use", *required], "additionalProperties": False}, definitions


def _without_null(node: Any) -> Any:
    """Take null out: TOML has none, and a key that is left out says the same."""
    if isinstance(node, list | tuple):
        return [_without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _without_null(value) for key, value in node.items() if not (key == "default" and value is None)}
    if isinstance(node.get("default"), dict):
        node["default"] = {key: value for key, value in node["default"].items() if value is not None}
    if "anyOf" in node:
        options = [option for option in node["anyOf"] if option != {"type": "null"}]
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        node = {**options[0], **rest} if len(options) == 1 else {**rest, "anyOf": options}
    if None in node.get("enum", ()):
        node["enum"] = [value for value in node["enum"] if value is not None]
    return node
