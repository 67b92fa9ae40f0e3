"""What must hold of every program that is stored."""

from __future__ import annotations

import pickle

import pytest

from casemate.controls.encrypted_service.program_files import program_bytes, program_from_bytes
from casemate.controls.encrypted_service.programs import Program
from casemate.core.errors import BadEnvelope, ModelUnreadable


def check_files(program: Program) -> None:
    """Files hold all of a program, and what is cut off or altered is refused."""
    data = program_bytes(program)
    again = program_from_bytes(data)
    assert again.public.digest == program.public.digest
    assert program_bytes(pickle.loads(pickle.dumps(again))) == data
    for broken in (data[:100], data[:-1], data[:-9] + bytes(9), b"x" + data):
        with pytest.raises((ModelUnreadable, BadEnvelope)):
            program_from_bytes(broken)
