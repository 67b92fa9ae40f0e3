"""JSON: the whole record, as `casemate.core.record` writes it, and a JSON Schema of its shape."""

from __future__ import annotations

from typing import Any

import msgspec

from casemate.core import record
from casemate.core.assessment import SCHEMA, Assessment
from casemate.core.evidence import Evidence, Example

_PACKED = "base64 of zlib of"


def render(assessment: Assessment) -> bytes:
    """Return the assessment as indented JSON, UTF-8."""
    return record.encode(assessment)


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the record. It allows fields that later versions add."""
    (_,), parts = msgspec.json.schema_components([Assessment], schema_hook=_evidence, ref_template="#/$defs/{name}")
    _, examples = msgspec.json.schema_components([Example], ref_template="#/$defs/{name}")
    definition = parts.pop("Assessment")
    definition["properties"]["schema"] = {"const": SCHEMA}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        **definition,
        "$defs": dict(sorted((parts | examples).items())),
    }


def _evidence(kind: type) -> dict[str, Any]:
    """The packed form of evidence; see docs/reference/assessment.md."""
    if kind is not Evidence:
        raise NotImplementedError(kind)
    bits = {"type": "string", "contentEncoding": "base64", "description": f"{_PACKED} n bits, the first bit highest"}
    maybe: dict[str, Any] = {"anyOf": [bits, {"type": "null"}]}
    numbers = {**bits, "description": f"{_PACKED} n signed 64-bit numbers, little-endian"}
    fields: dict[str, Any] = {
        "metric": {"type": "string"},
        "kind": {"enum": ["difference", "rate"]},
        "n": {"type": "integer", "minimum": 0, "maximum": record.MAX_SAMPLES},
        "outcome": bits,
        "baseline": maybe,
        "detected": maybe,
        "ids": {"anyOf": [numbers, {"type": "null"}]},
        "figures": {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
        "examples": {"type": "array", "items": {"$ref": "#/$defs/Example"}},
        "notes": {"type": "array", "items": {"type": "string"}},
    }
    return {"title": "Evidence", "type": "object", "properties": fields, "required": list(fields)}
