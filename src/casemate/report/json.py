"""JSON: the whole record, as `casemate.core.record` writes it, and a JSON Schema of its shape."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
import numpy as np

from casemate.core import record
from casemate.core.assessment import SCHEMA, Assessment


def render(assessment: Assessment) -> bytes:
    """Return the assessment as indented JSON, UTF-8."""
    return record.encode(assessment)


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the record. It allows fields that later versions add.

    docs/reference/assessment.schema.json holds it, and docs/reference/assessment.md says what the fields mean.
    """
    _, parts = msgspec.json.schema_components(
        [Assessment, record.Packed], schema_hook=_array, ref_template="#/$defs/{name}"
    )
    for part in parts.values():
        part["description"] = inspect.cleandoc(part.get("description", ""))
    definition = parts.pop("Assessment")
    definition["properties"]["schema"] = {"const": SCHEMA}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA}
    whole: dict[str, Any] = head | definition | {"title": SCHEMA, "$defs": dict(sorted(parts.items()))}
    return whole


def _array(kind: type) -> dict[str, Any]:
    if kind is not np.ndarray:
        raise NotImplementedError(kind)
    return {"$ref": "#/$defs/Packed"}
