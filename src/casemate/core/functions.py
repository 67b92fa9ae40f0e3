"""Functions: a content digest of what a function would do, as far as that can be read off it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from casemate.core.digests import digest

_NAMED = (ModuleType, BuiltinFunctionType, type, np.ufunc)


def function_digest(function: Callable[..., Any]) -> str | None:
    """Return a digest of a function's code, defaults, closure, and of the globals that it names; None where unknown.

    Functions that it names are followed; modules and classes count by their names and their source files. What those
    import is not seen. None where it holds something without a content digest (an object, a list that may change, a
    class made inside a function), or where it is no plain function at all, such as an object with ``__call__``.
    """
    try:
        return digest(list(_parts(function, set())))
    except TypeError:
        return None


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """Yield what is to be fed to the digest; each function once, so that recursion ends."""
    if isinstance(value, FunctionType):
        yield "function", value.__module__, value.__qualname__
        if id(value) not in seen:
            seen.add(id(value))
            yield from _code(value.__code__)
            for part in (value.__defaults__, tuple((value.__kwdefaults__ or {}).items()), *_captured(value)):
                yield from _parts(part, seen)
    elif isinstance(value, MethodType):
        yield from (*_parts(value.__func__, seen), *_parts(value.__self__, seen))
    elif isinstance(value, ModuleType) or callable(value):
        yield "named", *_name(value)
    elif isinstance(value, (list, dict, set, bytearray)):
        raise TypeError("what can change has no content digest")
    else:
        yield digest(value)


def _captured(function: FunctionType) -> Iterator[Any]:
    """Yield closure cells and the globals that the code names, in the code's order."""
    for cell in function.__closure__ or ():
        yield cell.cell_contents
    for name in _names(function.__code__):
        if name in function.__globals__:
            yield function.__globals__[name]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _code(code: CodeType) -> Iterator[Any]:
    yield code.co_code
    yield code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant)
        else:
            yield repr(constant)


def _name(value: Any) -> tuple[str, str, str]:
    """Return where a module, class or compiled function is found, and a digest of the source that holds it.

    Raises:
        TypeError: the name does not tell it from others: an object, or a class made inside a function or a session.
    """
    module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if not isinstance(value, _NAMED) or name is None or "<locals>" in name or module == "__main__":
        raise TypeError(f"a {type(value).__name__} has no content digest")
    return str(module), str(name), _source(str(module))


@cache
def _source(module: str) -> str:
    path = Path(getattr(sys.modules.get(module), "__file__", None) or "none")
    return digest(path) if path.suffix == ".py" and path.is_file() else ""
