"""Systems under test: the system file, data sets, models, recipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from casemate.systems.file import Declared as Declared
    from casemate.systems.file import load as load

__all__ = ["Declared", "load"]


def __getattr__(name: str) -> Any:
    # Loaded when used: models and recipes are imported by worker processes that need no system file.
    if name in __all__:
        from casemate.systems import file

        return getattr(file, name)
    raise AttributeError(f"module 'casemate.systems' has no attribute {name!r}")
