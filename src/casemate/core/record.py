"""Record: an Assessment as JSON and back. The shape is a promise: see docs/reference/assessment.md.

Within ``casemate.assessment/1`` fields may be added; none is removed, renamed or given another meaning.
"""

from __future__ import annotations

import base64
import zlib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from casemate.core.assessment import SCHEMA, Assessment
from casemate.core.errors import AssessmentUnreadable

MAX_BYTES = 256 * 1024 * 1024
MAX_SAMPLES = 10_000_000
MAX_UNPACKED = 1 << 30
"""Bytes to which all arrays of one assessment together may grow."""


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
        head = msgspec.json.decode(data, type=_Head)
        if head.schema != SCHEMA:
            raise AssessmentUnreadable(
                f"the schema is {head.schema!r}, this version reads {SCHEMA!r}",
                where=where,
                fix="run casemate assess again, or use the version that wrote it",
            )
        return msgspec.json.decode(data, type=Assessment, dec_hook=_Restorer())
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise AssessmentUnreadable(
            f"not an assessment: {error}", where=where, fix="run casemate assess again"
        ) from None


def load(path: Path) -> Assessment:
    """Read a stored assessment. Raises AssessmentUnreadable, also where there is no such file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # `decode` refuses more
    except OSError as error:
        raise AssessmentUnreadable(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            fix="casemate assess --output json=PATH writes one",
        ) from None
    return decode(data, where=str(path))


def store_hook(value: Any) -> Any:
    """Turn an array into its packed form; for msgspec's ``enc_hook``."""
    if isinstance(value, np.ndarray):
        kind = "bool" if value.dtype == bool else "int64"
        data = np.packbits(value) if kind == "bool" else value.astype("<i8")
        return {"kind": kind, "n": len(value), "data": base64.b64encode(zlib.compress(data.tobytes(), 6)).decode()}
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(type(value))


def restore_hook(kind: type, value: Any) -> Any:
    """Turn an array's packed form back; for msgspec's ``dec_hook``. Raises ValueError when it is damaged."""
    if kind is not np.ndarray:
        raise NotImplementedError(kind)
    packed = msgspec.convert(value, Packed)
    if packed.kind == "bool":
        bits = np.frombuffer(_bytes(packed.data, (packed.n + 7) // 8), dtype=np.uint8)
        return np.unpackbits(bits, count=packed.n).astype(bool)
    return np.frombuffer(_bytes(packed.data, 8 * packed.n), dtype="<i8").astype(np.int64)


class _Restorer:
    """`restore_hook` for one assessment, held to `MAX_UNPACKED`: a small file can hold many arrays of zeros."""

    def __init__(self) -> None:
        self.left = MAX_UNPACKED

    def __call__(self, kind: type, value: Any) -> Any:
        restored = restore_hook(kind, value)
        self.left -= restored.nbytes
        if self.left < 0:
            raise ValueError(f"its arrays grow beyond {MAX_UNPACKED >> 20} MiB")
        return restored


class _Head(msgspec.Struct):
    """What every version of the record has; the rest is not looked at."""

    schema: str | None = None


class Packed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An array of booleans (eight to a byte) or of 64-bit integers (little endian), zlib, base64."""

    kind: Literal["bool", "int64"]
    n: Annotated[int, msgspec.Meta(ge=0, le=MAX_SAMPLES)]
    data: str


def _bytes(text: str, size: int) -> bytes:
    # The size is known beforehand, so a small file cannot unpack to a large one.
    try:
        data = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), size + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(data) != size:
        raise ValueError(f"{len(data)} bytes where {size} were promised")
    return data
