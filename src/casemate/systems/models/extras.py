"""Optional libraries: imported when they are needed, and named with their extra where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from casemate.core.errors import ExtraMissing

EXTRAS = {
    "torch": "torch",
    "safetensors": "torch",
    "safetensors.torch": "torch",
    "xgboost": "trees",
    "lightgbm": "trees",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "presidio_analyzer": "text",
}
"""The extra of Casemate that installs each library."""


def need(library: str, purpose: str) -> Any:
    """Import and return an optional library.

    Args:
        library: a key of `EXTRAS`.
        purpose: what for, to end the sentence "xgboost is needed to ...".

    Raises:
        ExtraMissing: it is not installed.
    """
    try:
        return importlib.import_module(library)
    except ModuleNotFoundError as error:
        if error.name != library.partition(".")[0]:
            raise
        name = library.partition(".")[0]
        raise ExtraMissing(
            f"{name} is needed to {purpose}, and it is not installed",
            fix=f'pip install "casemate[{EXTRAS[library]}]"',
        ) from None
