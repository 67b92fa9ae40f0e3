"""The words that a module says of itself."""

from __future__ import annotations

import importlib
import inspect


def summary(module: str) -> str:
    """Return the first paragraph of a module's docstring on one line; empty where it has none.

    Attacks and controls are one module each, and its docstring opens with what the technique is.
    """
    doc = inspect.getdoc(importlib.import_module(module)) or ""
    return " ".join(doc.partition("\n\n")[0].split())
