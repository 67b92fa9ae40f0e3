"""Program files: a program as its owner stores it, and as clients get it. Neither holds code."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from casemate.controls.encrypted_service import slot_files
from casemate.controls.encrypted_service.coefficient_service import CoefficientService, PublicCoefficients
from casemate.controls.encrypted_service.column_service import ColumnService, PublicColumns
from casemate.controls.encrypted_service.descriptions import read
from casemate.controls.encrypted_service.linear_service import LinearService
from casemate.controls.encrypted_service.programs import ClientProgram, Program
from casemate.controls.encrypted_service.slot_service import KIND as SLOTS
from casemate.controls.encrypted_service.slot_service import PublicSlots, SlotService
from casemate.core.errors import BadEnvelope, ModelMissing, ModelUnreadable
from casemate.core.files import write_whole

MAGIC = b"casemate program 1\n"
LARGEST = 1 << 31
"""Bytes of a program, at most."""

_SIZE = struct.Struct("<Q")

PUBLIC: dict[str, Callable[[bytes], ClientProgram]] = {
    SLOTS: PublicSlots.from_bytes,
    PublicCoefficients.KIND: PublicCoefficients.from_bytes,
    PublicColumns.KIND: PublicColumns.from_bytes,
}
SERVED: dict[str, Callable[[bytes, bytes], Program]] = {
    SLOTS: slot_files.service_from_bytes,
    PublicCoefficients.KIND: CoefficientService.from_bytes,
    PublicColumns.KIND: ColumnService.from_bytes,
}


def public_program(data: bytes) -> ClientProgram:
    """Return what clients can do with a program that came from outside.

    Raises:
        BadEnvelope: it is none.
        OutOfRange: its parameters are not secure.
    """
    return PUBLIC[_kind(data)](data)


def program_bytes(program: Program) -> bytes:
    """Return a program with its weights, as its owner stores it."""
    assert isinstance(program, SlotService | LinearService)
    body = slot_files.service_to_bytes(program) if isinstance(program, SlotService) else program.body
    public = program.public.to_bytes()
    return b"".join((MAGIC, _SIZE.pack(len(public)), public, body))


def program_from_bytes(data: bytes) -> Program:
    """Return a program that was stored.

    Raises:
        ModelUnreadable: it is none, or was altered.
        BadEnvelope, OutOfRange: its public part is none.
    """
    start = len(MAGIC) + _SIZE.size
    if not data.startswith(MAGIC) or len(data) < start:
        raise ModelUnreadable("not a program for encrypted data", fix="casemate encrypt compile writes one")
    (size,) = _SIZE.unpack_from(data, len(MAGIC))
    if size > len(data) - start:
        raise ModelUnreadable("a program that is cut short")
    public = data[start : start + size]
    return SERVED[_kind(public)](public, data[start + size :])


def write_program(program: Program, path: Path) -> Path:
    """Write a program, and beside it ``NAME.public.json`` for clients; return the path of the latter.

    Raises:
        OSError: they cannot be written; nothing is half-written.
    """
    public = path.with_name(f"{path.stem}.public.json")
    write_whole(path, program_bytes(program))
    write_whole(public, program.public.to_bytes())
    return public


def read_program(path: Path) -> Program:
    """Return the program in a file.

    Raises:
        ModelMissing: there is none.
        ModelUnreadable: it is none, or was altered.
    """
    return program_from_bytes(_content(path))


def read_public(path: Path) -> ClientProgram:
    """Return the public program in a file.

    Raises:
        ModelMissing: there is none.
        BadEnvelope, OutOfRange: it is none.
    """
    return public_program(_content(path))


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise ModelMissing(f"there is no program {path}", fix="casemate encrypt compile writes one")
    if path.stat().st_size > LARGEST:
        raise ModelUnreadable(f"{path} is larger than any program")
    return path.read_bytes()


def _kind(public: bytes) -> str:
    kind = read(public).packing.get("kind")
    if kind not in PUBLIC:
        raise BadEnvelope(f"a program of the kind {kind!r}", why="this version of Casemate does not know it")
    return str(kind)
