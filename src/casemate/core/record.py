"""Record: an Assessment as JSON and back. The shape is a promise: see docs/reference/assessment.md.

Within ``casemate.assessment/1`` fields may be added; none is removed, renamed or given another meaning.
"""

from __future__ import annotations

import base64
import math
import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from casemate.core.assessment import SCHEMA, Assessment
from casemate.core.errors import AssessmentUnreadable
from casemate.core.evidence import Evidence

MAX_BYTES = 256 * 1024 * 1024
MAX_SAMPLES = 10_000_000


def encode(assessment: Assessment) -> bytes:
    """Return the assessment as indented JSON, UTF-8, ending in a newline."""
    return msgspec.json.format(msgspec.json.encode(assessment, enc_hook=store_hook), indent=1) + b"\n"


def decode(data: bytes, *, where: str = "assessment") -> Assessment:
    """Return the assessment that the JSON holds.

    Raises:
        AssessmentUnreadable: damaged, too large, or of a schema that this version does not know.
    """
    if len(data) > MAX_BYTES:
        raise AssessmentUnreadable(f"the file is larger than {MAX_BYTES >> 20} MiB", where=where)
    try:
        head = msgspec.json.decode(data, type=dict[str, Any])
        if head.get("schema") != SCHEMA:
            raise AssessmentUnreadable(
                f"the schema is {head.get('schema')!r}, this version reads {SCHEMA!r}",
                where=where,
                fix="run casemate assess again, or use the version that wrote it",
            )
        return msgspec.json.decode(data, type=Assessment, dec_hook=restore_hook)
    except (msgspec.MsgspecError, ValueError) as error:
        raise AssessmentUnreadable(
            f"not an assessment: {error}", where=where, fix="run casemate assess again"
        ) from None


def load(path: Path) -> Assessment:
    """Read a stored assessment. Raises AssessmentUnreadable, also where there is no such file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AssessmentUnreadable(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            fix="casemate assess --output json=PATH writes one",
        ) from None
    return decode(data, where=str(path))


def store_hook(value: Any) -> Any:
    """Turn evidence into plain values; for msgspec's ``enc_hook``."""
    if isinstance(value, Evidence):
        return _flatten(value)
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(type(value))


def restore_hook(kind: type, value: Any) -> Any:
    """Turn plain values back into evidence; for msgspec's ``dec_hook``. Raises ValueError when they are damaged."""
    if kind is Evidence:
        try:
            return _restore(value)
        except (KeyError, TypeError, zlib.error) as error:
            raise ValueError(f"damaged evidence: {error}") from None
    raise NotImplementedError(kind)


def _flatten(evidence: Evidence) -> dict[str, Any]:
    return {
        "metric": evidence.metric,
        "kind": evidence.kind,
        "n": len(evidence),
        "outcome": _bits(evidence.outcome),
        "baseline": _bits(evidence.baseline),
        "detected": _bits(evidence.detected),
        "ids": None if evidence.ids is None else _text(evidence.ids.astype("<i8").tobytes()),
        "figures": {name: float(v) if math.isfinite(v) else None for name, v in evidence.figures.items()},
        "examples": [msgspec.to_builtins(example) for example in evidence.examples],
        "notes": list(evidence.notes),
    }


def _restore(record: dict[str, Any]) -> Evidence:
    from casemate.core.evidence import Example

    n = int(record["n"])
    if not 0 <= n <= MAX_SAMPLES:
        raise ValueError(f"{n} samples")
    ids = record["ids"]
    return Evidence(
        record["metric"],
        record["kind"],
        _flags(record["outcome"], n),
        None if record["baseline"] is None else _flags(record["baseline"], n),
        None if record["detected"] is None else _flags(record["detected"], n),
        None if ids is None else np.frombuffer(_bytes(ids, 8 * n), dtype="<i8").astype(np.int64),
        {name: math.nan if value is None else value for name, value in record["figures"].items()},
        tuple(msgspec.convert(example, Example) for example in record["examples"]),
        tuple(record["notes"]),
    )


def _bits(values: np.ndarray | None) -> str | None:
    return None if values is None else _text(np.packbits(values).tobytes())


def _flags(text: str, n: int) -> np.ndarray:
    packed = np.frombuffer(_bytes(text, (n + 7) // 8), dtype=np.uint8)
    return np.unpackbits(packed, count=n).astype(bool)


def _text(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 6)).decode()


def _bytes(text: str, size: int) -> bytes:
    # The size is known beforehand, so a small file cannot unpack to a large one.
    data = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), size + 1)
    if len(data) != size:
        raise ValueError(f"{len(data)} bytes where {size} were promised")
    return data
