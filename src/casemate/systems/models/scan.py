"""Reading a pickle without running what is in it.

A pickle is a program. It is run twice on pickle's own machine: first with every name replaced by an inert stand-in, so
that all names are known and none is imported; then, only if all are allowed, with those names alone. Both runs share
their code, so there is no second parser to fool. joblib's files, which put raw arrays between the instructions, are
read the same way.

Allowed are the classes of scikit-learn, XGBoost and LightGBM and the parts of numpy, scipy and Python that they are
made of: classes, and a few named functions. A whole module is never allowed: numpy alone has functions that run code.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import math
import pickle
import re
import zlib
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, ClassVar

import numpy as np

from casemate.core.errors import ExtraMissing, ModelUnreadable, PickleRefused
from casemate.systems.models.extras import EXTRAS

MAX_UNPACKED = 4 << 30
"""Bytes to which a compressed file may grow."""

_CLASS = re.compile(r"_*[A-Z]\w*\Z")
_SHARED = (type, FunctionType, BuiltinFunctionType, ModuleType, np.ufunc)
_ANY = re.compile(r"[A-Za-z_]\w*\Z")
_FORBIDDEN = ("sklearn.datasets", "sklearn.externals", "sklearn.utils._testing", "sklearn.utils.estimator_checks")
_MODULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (r"sklearn\.metrics(\.\w+)*", _ANY),  # scorers hold the functions that they call
    (r"sklearn(\.\w+)*", re.compile(rf"({_CLASS.pattern[:-2]}|newObj|__pyx_unpickle_\w+)\Z")),
    (r"xgboost\.(core|sklearn)", re.compile(r"(Booster|XGB(RF)?Classifier)\Z")),
    (r"lightgbm\.(basic|sklearn)", re.compile(r"(Booster|LGBMClassifier|_LGBMLabelEncoder)\Z")),
    (
        r"numpy(\.dtypes)?",
        re.compile(r"(dtype|ndarray|matrix|\w+DType|bool_?|u?int\d*|float\d*|str_|bytes_|object_)\Z"),
    ),
    (r"numpy", re.compile(r"(log|log1p|log2|log10|exp|expm1|sqrt|square|abs|absolute|sign|negative|reciprocal)\Z")),
    (r"numpy\._?core\.multiarray", re.compile(r"(_reconstruct|scalar)\Z")),
    (r"numpy\._?core\.numeric", re.compile(r"_frombuffer\Z")),
    (r"numpy\.ma(\.core)?", re.compile(r"(MaskedArray|_mareconstruct)\Z")),
    (r"numpy\.random\._pickle", re.compile(r"__(randomstate|bit_generator|generator)_ctor\Z")),
    (r"numpy\.random\.\w+", re.compile(r"(MT19937|PCG64|PCG64DXSM|Philox|SFC64|RandomState|Generator|SeedSequence)\Z")),
    (r"numpy\.random\.bit_generator", re.compile(r"__pyx_unpickle_\w+\Z")),
    (r"scipy\.sparse(\.\w+)*", re.compile(r"(csr|csc|coo|dok|lil|dia|bsr)_(matrix|array)\Z")),
    (r"scipy\.interpolate\._(interpolate|bsplines|cubic)", re.compile(r"(interp1d|BSpline|PPoly|PchipInterpolator)\Z")),
    (r"joblib\.numpy_pickle", re.compile(r"NumpyArrayWrapper\Z")),
    (r"collections", re.compile(r"(OrderedDict|defaultdict|deque)\Z")),
    (r"copyreg|copy_reg", re.compile(r"_reconstructor\Z")),
    (r"_codecs", re.compile(r"encode\Z")),  # how protocol 2 writes bytes
    (
        r"builtins|__builtin__",
        re.compile(r"(object|bool|int|float|complex|str|bytes|bytearray|list|tuple|dict|set|frozenset|slice|range)\Z"),
    ),
)
_PREFIXES: dict[bytes, Callable[[io.BytesIO], Any]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
    b"\x5d\x00": lzma.LZMAFile,
}


def allowed(module: str, name: str) -> bool:
    """Whether a pickle may name this class or function."""
    if any(module == bad or module.startswith(f"{bad}.") for bad in _FORBIDDEN):
        return False
    return any(re.fullmatch(where, module) and what.match(name) for where, what in _MODULES)


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


def unpacked(content: bytes) -> bytes:
    """Return the content of a file that may be compressed with gzip, zlib, bz2, xz or lzma.

    Raises:
        ModelUnreadable: damaged, or larger than `MAX_UNPACKED`.
        PickleRefused: compressed with lz4.
    """
    if content.startswith(b"\x04\x22\x4d\x18"):
        raise PickleRefused("the file is compressed with lz4, which is not read here", fix="save it with compress='xz'")
    try:
        if content[:1] == b"\x78" and content[1:2] in b"\x01\x5e\x9c\xda":
            inflate = zlib.decompressobj()
            plain = inflate.decompress(content, MAX_UNPACKED)
            return _whole(plain, inflate.eof)
        for prefix, opener in _PREFIXES.items():
            if content.startswith(prefix):
                with opener(io.BytesIO(content)) as stream:
                    return _whole(stream.read(MAX_UNPACKED), not stream.read(1))
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ModelUnreadable(f"the compressed file is damaged or truncated: {error}", fix="save it again") from error
    return content


def _whole(plain: bytes, ended: bool) -> bytes:
    if not ended:
        why = "it may be a bomb" if len(plain) >= MAX_UNPACKED else "its end is missing"
        raise ModelUnreadable(f"the compressed file does not end within {len(plain)} bytes", why=why)
    return plain


class _Machine(pickle._Unpickler):
    """pickle's own machine in Python, with joblib's arrays read from between its instructions."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.stream = stream

    def load_build(self) -> None:
        """Fill the object below the top of the stack; an array's place-holder becomes the array."""
        if isinstance(self.stack[-2], _SHARED):
            raise pickle.UnpicklingError("the pickle would change a class or function that others use")
        super().load_build()  # type: ignore[misc]
        if isinstance(self.stack[-1], _Wrapper):
            self.stack[-1] = self._array(self.stack[-1])

    dispatch[pickle.BUILD[0]] = load_build

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

    def get_extension(self, code: int) -> None:
        raise pickle.UnpicklingError("the pickle uses an extension code, whose meaning is not in the file")


class _Loader(_Machine):
    """Runs a pickle with the allowed names alone."""

    def find_class(self, module: str, name: str) -> Any:
        if not allowed(module, name):
            raise PickleRefused(f"the pickle names {module}.{name} only when it is loaded", why="it hid that name")
        if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
            return _Wrapper
        found = self._import(module, name)
        # A module also shows what it imported itself: only what is its library's own was meant.
        origin = str(getattr(found, "__module__", None) or module).partition(".")[0]
        own = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module).partition(".")[0]
        if isinstance(found, ModuleType) or origin not in (own, "builtins"):
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
