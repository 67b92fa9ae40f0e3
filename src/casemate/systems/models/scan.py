"""Reading a pickle without running what is in it.

A pickle is a program. It is run twice on pickle's own machine: first with every name replaced by an inert stand-in, so
that all names are known and none is imported; then, only if all are allowed, with those names alone. Both runs share
their code, so there is no second parser to fool. joblib's files, which put raw arrays between the instructions, are
read the same way.

What may be named stands in `pickle_names`. Of an allowed module only its own classes and functions are given out, and
only those are called or made: what a pickle has put together itself is never called.

What this does not stop: a forged array can crash the compiled code of the library that reads it, and a model can be
made to answer anything. Pickles stay a matter of trust, which is why the owner must allow them.
"""

from __future__ import annotations

import importlib
import io
import math
import pickle
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, ClassVar

import numpy as np

from casemate.core.errors import ExtraMissing, ModelUnreadable, PickleRefused
from casemate.systems.models.extras import EXTRAS
from casemate.systems.models.pickle_names import allowed
from casemate.systems.unpacking import unpacked

_FUNCTIONS = (FunctionType, BuiltinFunctionType, np.ufunc)
_SHARED = (type, ModuleType, *_FUNCTIONS)


def names_in(content: bytes) -> tuple[str, ...]:
    """Return every class and function that a pickle names, sorted, as ``module.name``. Nothing is imported.

    Raises:
        ModelUnreadable: truncated, damaged, or no pickle.
        PickleRefused: compressed in a way that cannot be read here.
    """
    return tuple(sorted(f"{module}.{name}" for module, name in _names(unpacked(content))))


def load(content: bytes, where: str) -> Any:
    """Return the object in a pickle or joblib file whose every name is allowed.

    Args:
        content: the whole file.
        where: its path, for errors.

    Raises:
        PickleRefused: it names something that is not allowed; all such names are told.
        ModelUnreadable: truncated, damaged, no pickle, or made by versions whose classes differ from those installed.
        ExtraMissing: it needs an optional library.
    """
    plain = unpacked(content)
    refused = sorted(f"{module}.{name}" for module, name in _names(plain) if not allowed(module, name))
    if refused:
        raise PickleRefused(
            f"the pickle names what no model needs: {', '.join(refused[:8])}{', ...' if len(refused) > 8 else ''}",
            where=where,
            why="loading a pickle runs whatever it names",
            fix="save the model with skops, ONNX or its library's own format; classes of your own belong in a recipe",
        )
    return _run(_Loader(io.BytesIO(plain)), where)


class _Machine(pickle._Unpickler):
    """pickle's own machine in Python, with joblib's arrays read from between its instructions."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.stream = stream

    def load_build(self) -> None:
        """Fill the object below the top of the stack; an array's place-holder becomes the array."""
        if isinstance(self.stack[-2], _SHARED) or _is_compiled(self.stack[-2]):
            raise pickle.UnpicklingError("the pickle would change a class or function that others use")
        super().load_build()  # type: ignore[misc]
        if isinstance(self.stack[-1], _Wrapper):
            self.stack[-1] = self._array(self.stack[-1])

    dispatch[pickle.BUILD[0]] = load_build

    def get_extension(self, code: int) -> None:
        """Refuse a name that is written as a number."""
        raise pickle.UnpicklingError("the pickle uses an extension code, whose meaning is not in the file")

    def _array(self, wrapper: _Wrapper) -> Any:
        """The array whose bytes follow, as joblib writes them: padding, then the elements in the wrapper's order."""
        state = wrapper.__dict__
        dtype = state["dtype"]
        if not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError("an array without a type")
        if dtype.hasobject:
            return type(self)(self.stream).load()
        if state.get("numpy_array_alignment_bytes") is not None:
            self._exactly(self._exactly(1)[0])
        shape = tuple(int(length) for length in state["shape"])
        flat = np.frombuffer(self._exactly(math.prod(shape) * dtype.itemsize), dtype=dtype).copy()
        native = flat.astype(dtype.newbyteorder("="), copy=False)  # as joblib does
        return native.reshape(shape, order="F" if state["order"] == "F" else "C")

    def _exactly(self, size: int) -> bytes:
        content = self.stream.read(size) if size >= 0 else b""
        if len(content) != size:
            raise pickle.UnpicklingError("the data of an array is missing")
        return content


class _Wrapper:
    """Stands for joblib's NumpyArrayWrapper."""


class _Inert:
    """Stands for whatever a pickle names: may be called, filled and grown, and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __new__(cls, *_: Any, **__: Any) -> _Inert:
        return super().__new__(cls)

    def __call__(self, *_: Any, **__: Any) -> _Inert:
        return self

    def __setstate__(self, _: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def append(self, _: Any) -> None:
        """Take an item of a list."""

    def extend(self, _: Any) -> None:
        """Take items of a list."""

    def add(self, _: Any) -> None:
        """Take an item of a set."""


class _Scanner(_Machine):
    """Runs a pickle with every name inert, and notes the names."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.names: set[tuple[str, str]] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.names.add((str(module), str(name)))
        if (module, name) == ("numpy", "dtype"):
            return np.dtype  # the size of an array follows from it
        if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
            return type("Wrapper", (_Wrapper,), {})
        if name == "_reconstructor" and module in ("copyreg", "copy_reg"):
            return lambda kind, *_: kind()  # how protocols 0 and 1 make every object
        return type("Inert", (_Inert,), {})

    def _array(self, wrapper: _Wrapper) -> Any:
        dtype = wrapper.__dict__.get("dtype")
        if isinstance(dtype, np.dtype) and dtype.hasobject:
            nested = _Scanner(self.stream)
            made = nested.load()
            self.names |= nested.names
            return made
        return super()._array(wrapper)


class _Loader(_Machine):
    """Runs a pickle with the allowed names alone."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(_Machine.dispatch)

    def load_reduce(self) -> None:
        """Call what lies below the top of the stack."""
        self._check_callable(self.stack[-2])
        super().load_reduce()  # type: ignore[misc]

    def load_newobj(self) -> None:
        """Make an object of the class below the top of the stack."""
        self._check_callable(self.stack[-2])
        super().load_newobj()  # type: ignore[misc]

    def load_newobj_ex(self) -> None:
        """Make an object of the class below the two on top of the stack."""
        self._check_callable(self.stack[-3])
        super().load_newobj_ex()  # type: ignore[misc]

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.NEWOBJ[0]] = load_newobj
    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex

    def _instantiate(self, kind: Any, arguments: Any) -> None:
        self._check_callable(kind)
        super()._instantiate(kind, arguments)  # type: ignore[misc]

    def _check_callable(self, thing: Any) -> None:
        # An object can be made whose call looks up any attribute of any other: from there all of Python is in reach.
        if not _is_plain(thing):
            raise PickleRefused(f"the pickle calls a {type(thing).__name__} of its own making", why="no model needs to")

    def find_class(self, module: str, name: str) -> Any:
        if not allowed(module, name):
            raise PickleRefused(f"the pickle names {module}.{name} only when it is loaded", why="it hid that name")
        if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
            return _Wrapper
        found = self._import(module, name)
        # A module also shows what it imported itself: only what is its library's own was meant.
        origin = str(getattr(found, "__module__", None) or module).partition(".")[0]
        own = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module).partition(".")[0]
        if not _is_plain(found) or origin not in (own, "builtins"):
            raise PickleRefused(
                f"{module}.{name} is {origin}'s, which no model needs", why="it is only passing through"
            )
        return found

    def _import(self, module: str, name: str) -> Any:
        library = module.partition(".")[0]
        try:
            if library not in ("__builtin__", "copy_reg"):  # Python 2's names, which pickle translates
                importlib.import_module(library)
        except ModuleNotFoundError as error:
            raise ExtraMissing(
                f"the pickle holds a model of {library}, which is not installed",
                fix=f'pip install "casemate[{EXTRAS[library]}]"' if library in EXTRAS else f"pip install {library}",
            ) from error
        return super().find_class(module, name)


def _is_plain(thing: Any) -> bool:
    """Whether it is a class or a function, and no method of some object."""
    if isinstance(thing, BuiltinFunctionType):
        return thing.__self__ is None or isinstance(thing.__self__, ModuleType)
    return isinstance(thing, (type, *_FUNCTIONS)) or _is_compiled(thing)


def _is_compiled(thing: Any) -> bool:
    return type(thing).__name__ == "cython_function_or_method"


def _names(plain: bytes) -> set[tuple[str, str]]:
    scanner = _Scanner(io.BytesIO(plain))
    _run(scanner, None)
    return scanner.names


def _run(machine: _Machine, where: str | None) -> Any:
    try:
        made = machine.load()
    except (PickleRefused, ExtraMissing):
        raise
    except (Exception, RecursionError) as error:
        raise ModelUnreadable(
            f"the file is no whole pickle: {type(error).__name__}: {error}",
            where=where,
            why="it may be truncated, damaged, or written by other versions of its libraries than those installed",
            fix="save the model again, with the installed versions",
        ) from error
    if machine.stream.read(1):
        raise ModelUnreadable("the file goes on after the pickle's end", where=where, why="one model is expected")
    return made
