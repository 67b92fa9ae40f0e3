"""The library that does what touches secrets: Microsoft SEAL, through its Python binding of the extra ``he``."""

from __future__ import annotations

from functools import cache
from typing import Any

from casemate.core.errors import ExtraMissing

LEAST = (4, 4)
"""Older versions of SEAL trust what they deserialise."""


@cache
def library() -> Any:
    """Return the module ``seal``.

    Raises:
        ExtraMissing: it is not installed, or too old to be shown bytes from outside.
    """
    try:
        import seal
    except ImportError as error:
        raise ExtraMissing("predictions on encrypted data need SEAL", fix="pip install 'casemate[he]'") from error
    version = tuple(int(part) for part in str(seal.__version__).split(".")[:2])
    if version < LEAST:
        raise ExtraMissing(
            f"SEAL {seal.__version__} is too old",
            why="before 4.4.0 it trusts what it deserialises",
            fix="pip install --upgrade 'casemate[he]'",
        )
    return seal
