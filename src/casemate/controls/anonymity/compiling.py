"""How the kernel's functions are compiled, and which plain functions they may call. Loaded only where numba is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba.extending import register_jitable

from casemate.controls.anonymity import draws

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "_nrt": False,
    "no_cfunc_wrapper": True,
}
"""Without reference counts: on small nodes they would cost more than the work. Nothing may be allocated, then."""

for _function in (draws.mix, draws.low_key, draws.high_key, draws.target):
    register_jitable(_function)


def compiled(function: Function) -> Function:
    """Compile a function that Python calls."""
    return _jit(function)


def called(function: Function) -> Function:
    """Compile a function that only compiled ones call."""
    return _jit(function, no_cpython_wrapper=True)


def inlined(function: Function) -> Function:
    """Compile a function into its callers: handing over its many arguments would cost more than a small node."""
    return _jit(function, no_cpython_wrapper=True, forceinline=True)


def _jit(function: Function, **options: Any) -> Function:
    jit: Any = numba.njit
    try:
        done: Function = jit(**_OPTIONS, **options)(function)
    except RuntimeError:  # nowhere to write the compiled code to: it is compiled anew in every process
        done = jit(**{**_OPTIONS, "cache": False}, **options)(function)
    return done
