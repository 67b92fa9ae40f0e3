"""Environment: on what an assessment ran."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "xgboost", "xgboost-cpu", "lightgbm", "onnxruntime", "polars")


@cache
def versions() -> dict[str, str]:
    """Return the versions of Casemate and of the numeric libraries that are installed."""
    found = {}
    for name in ("casemate", *LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def environment() -> dict[str, object]:
    """Return versions, interpreter and machine; nothing that names a person or a host."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "versions": versions(),
    }
