"""What a pickle may name: classes of the model libraries and of what they are made of, and a few functions."""

from __future__ import annotations

import re

_CLASS = r"_*[A-Z]\w*"
_FORBIDDEN = re.compile(
    r"sklearn\.(\w+\.)*(tests|conftest)(\.|\Z)"  # code that was never meant to meet a stranger
    r"|sklearn\.(datasets|externals|utils\.(_testing|_mocking|estimator_checks|parallel))(\.|\Z)"
)
# What scorers and kernels hold.
_METRICS = r"\w+_(score|loss|error|deviance|corrcoef|ratio|kernel|distances|similarity)"
_MODULES: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(rf"(?:{module})\Z"), re.compile(rf"(?:{name})\Z"))
    for module, name in (
        (r"sklearn(\.\w+)*", rf"{_CLASS}|newObj|__pyx_unpickle_\w+"),
        (r"sklearn\.metrics(\.\w+)*", rf"(?!_){_METRICS}"),
        (r"xgboost\.(core|sklearn)", r"Booster|XGB(RF)?Classifier"),
        (r"lightgbm\.(basic|sklearn)", r"Booster|LGBMClassifier|_LGBMLabelEncoder"),
        (r"numpy(\.dtypes)?", r"dtype|ndarray|matrix|\w+DType|bool_?|u?int\d*|float\d*|str_|bytes_|object_"),
        (r"numpy", r"log|log1p|log2|log10|exp|expm1|sqrt|square|abs|absolute|sign|negative|reciprocal"),
        (r"numpy\._?core\.multiarray", r"_reconstruct|scalar"),
        (r"numpy\._?core\.numeric", r"_frombuffer"),
        (r"numpy\.ma(\.core)?", r"MaskedArray|_mareconstruct"),
        (r"numpy\.random\._pickle", r"__(randomstate|bit_generator|generator)_ctor"),
        (r"numpy\.random\.\w+", r"MT19937|PCG64|PCG64DXSM|Philox|SFC64|RandomState|Generator|SeedSequence"),
        (r"numpy\.random\.bit_generator", r"__pyx_unpickle_\w+"),
        (r"scipy\.sparse(\.\w+)*", r"(csr|csc|coo|dok|lil|dia|bsr)_(matrix|array)"),
        (r"scipy\.interpolate\._(interpolate|bsplines|cubic)", r"interp1d|BSpline|PPoly|PchipInterpolator"),
        (r"joblib\.numpy_pickle", r"NumpyArrayWrapper"),
        (r"collections", r"OrderedDict|defaultdict|deque"),
        (r"copyreg|copy_reg", r"_reconstructor"),
        (r"_codecs", r"encode"),  # how protocol 2 writes bytes
        (
            r"builtins|__builtin__",
            r"object|bool|int|float|complex|str|bytes|bytearray|list|tuple|dict|set|frozenset|slice|range",
        ),
    )
)


def allowed(module: str, name: str) -> bool:
    """Whether a pickle may name this class or function. A whole module is never allowed: numpy alone can run code."""
    if _FORBIDDEN.match(module):
        return False
    return any(where.match(module) and what.match(name) for where, what in _MODULES)
