"""Casemate: test the security of a secured machine-learning system, and supply the controls that secure it.

Every control is a claim. Every attack is its test.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from casemate.core.access import Access as Access
    from casemate.core.access import Budget as Budget
    from casemate.core.assessment import Assessment as Assessment
    from casemate.core.attack import Attack as Attack
    from casemate.core.attack import attack as attack
    from casemate.core.control import Control as Control
    from casemate.core.control import Fitting as Fitting
    from casemate.core.control import control as control
    from casemate.core.control import learned as learned
    from casemate.core.dataset import Dataset as Dataset
    from casemate.core.errors import CasemateError as CasemateError
    from casemate.core.evidence import Evidence as Evidence
    from casemate.core.finding import Finding as Finding
    from casemate.core.finding import Verdict as Verdict
    from casemate.core.guard import Guard as Guard
    from casemate.core.model import Model as Model
    from casemate.core.policy import Policy as Policy
    from casemate.core.request import Prediction as Prediction
    from casemate.core.request import Request as Request
    from casemate.core.schema import Column as Column
    from casemate.core.schema import Schema as Schema
    from casemate.core.system import System as System
    from casemate.core.target import Target as Target

__version__ = "0.1.0"

_HOMES = {
    "Access": "access",
    "Budget": "access",
    "Assessment": "assessment",
    "Attack": "attack",
    "attack": "attack",
    "Control": "control",
    "Fitting": "control",
    "control": "control",
    "learned": "control",
    "Dataset": "dataset",
    "CasemateError": "errors",
    "Evidence": "evidence",
    "Finding": "finding",
    "Verdict": "finding",
    "Guard": "guard",
    "Model": "model",
    "Policy": "policy",
    "Prediction": "request",
    "Request": "request",
    "Column": "schema",
    "Schema": "schema",
    "System": "system",
    "Target": "target",
}
__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    # The words load when they are used, so that the command line starts at once.
    if name in _HOMES:
        return getattr(importlib.import_module(f"casemate.core.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'casemate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
