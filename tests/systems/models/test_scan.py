"""Pickles: real models come through whole, everything else is named and never run."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import pickle
import pickletools
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from casemate.core.errors import ExtraMissing, ModelUnreadable, PickleRefused
from casemate.systems import unpacking
from casemate.systems.models import scan

RNG = np.random.default_rng(0)
X = np.abs(RNG.normal(size=(60, 3)))
Y = (X[:, 0] > 0.7).astype(int)

MODELS = [
    LogisticRegression(),
    SGDClassifier(loss="log_loss", random_state=0),
    GaussianNB(),
    SVC(),
    KNeighborsClassifier(algorithm="kd_tree"),
    KNeighborsClassifier(algorithm="ball_tree"),
    LinearDiscriminantAnalysis(),
    GaussianProcessClassifier(),
    MLPClassifier((4,), max_iter=500, tol=1.0, random_state=0),
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(4, random_state=np.random.RandomState(3)),
    GradientBoostingClassifier(n_estimators=4, random_state=0),
    HistGradientBoostingClassifier(max_iter=4, random_state=0),
    AdaBoostClassifier(n_estimators=3, random_state=0),
    VotingClassifier([("a", GaussianNB()), ("b", LogisticRegression())], voting="soft"),
    StackingClassifier([("a", GaussianNB())], LogisticRegression(), cv=2),
    CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=2),
    GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, scoring="accuracy"),
    make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), LogisticRegression()),
    make_pipeline(KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"), LogisticRegression()),
    make_pipeline(ColumnTransformer([("hot", OneHotEncoder(handle_unknown="ignore"), [0])]), LogisticRegression()),
    xgboost.XGBClassifier(n_estimators=3, n_jobs=1),
    lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1),
]


def by_joblib(thing: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    joblib.dump(thing, stream, **options)
    return stream.getvalue()


WRITERS: dict[str, Callable[[Any], bytes]] = {
    "pickle 2": lambda thing: pickle.dumps(thing, 2),
    "pickle 4": lambda thing: pickle.dumps(thing, 4),
    "pickle 5": lambda thing: pickle.dumps(thing, 5),
    "joblib": by_joblib,
    "joblib zlib": lambda thing: by_joblib(thing, compress=3),
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_real_models_come_through_whole(model: Any) -> None:
    fitted = model.fit(X, Y)
    want = fitted.predict(X)
    for name, write in WRITERS.items():
        read = scan.load(write(fitted), "model.pkl")
        assert type(read) is type(fitted), name
        np.testing.assert_array_equal(read.predict(X), want, err_msg=name)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3)),
        np.array(3.5),
        np.empty((0, 4)),
        np.array(["a", "bc"]),
        np.array(["x", None, 3], dtype=object),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array([True, False]),
    ],
    ids=str,
)
def test_arrays_come_through_whole(array: np.ndarray) -> None:
    for write in WRITERS.values():
        read = scan.load(write({"first": array, "again": [array, array]}), "arrays.pkl")
        for found in (read["first"], *read["again"]):
            assert found.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
            np.testing.assert_array_equal(found, array)
            found.flat[:1] = found.flat[:1]  # as joblib gives them: writable


def test_sparse_matrices_come_through_whole() -> None:
    matrix = sparse.csr_matrix(np.eye(3))
    for write in WRITERS.values():
        assert (scan.load(write(matrix), "m.pkl") != matrix).nnz == 0


@pytest.mark.parametrize("squeeze", [gzip.compress, bz2.compress, lzma.compress, zlib.compress])
def test_compressed_files_are_unpacked(squeeze: Callable[[bytes], bytes]) -> None:
    packed = squeeze(pickle.dumps([1, 2, 3]))
    assert scan.load(packed, "m.pkl") == [1, 2, 3]
    with pytest.raises(ModelUnreadable):
        scan.load(packed[:-12], "m.pkl")


def test_joblibs_own_compressions_are_unpacked(tmp_path: Path) -> None:
    for method in ("zlib", "gzip", "bz2", "xz", "lzma"):
        path = tmp_path / f"m.{method}"
        joblib.dump({"a": np.arange(5)}, path, compress=(method, 3))
        np.testing.assert_array_equal(scan.load(path.read_bytes(), str(path))["a"], np.arange(5))


def test_lz4_is_refused_and_bombs_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PickleRefused, match="lz4"):
        scan.load(b"\x04\x22\x4d\x18" + bytes(20), "m.pkl")
    monkeypatch.setattr(unpacking, "MAX_UNPACKED", 1000)
    for squeeze in (gzip.compress, bz2.compress, lzma.compress, zlib.compress):
        with pytest.raises(ModelUnreadable, match="bomb"):
            scan.load(squeeze(bytes(10_000)), "m.pkl")


class Evil:
    """Pickles itself as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


def canary(tmp_path: Path) -> str:
    return f"open({str(tmp_path / 'ran')!r}, 'w').close()"


@pytest.mark.parametrize("protocol", range(6))
def test_a_call_is_refused_named_and_never_made(tmp_path: Path, protocol: int) -> None:
    for function, arguments, name in (
        (os.system, ("touch ran",), "system"),
        (exec, (canary(tmp_path),), "exec"),
        (eval, (canary(tmp_path),), "eval"),
        (getattr, (os, "system"), "getattr"),
        (np.load, ("x.npy",), "numpy"),
        (joblib.load, ("x",), "joblib"),
        (pickle.loads, (b"N.",), "loads"),
        (np.memmap, ("x", "u1", "w+", 0, 1), "memmap"),
    ):
        if function is getattr and protocol < 2:
            arguments = (3, "real")
        if arguments[0] is os:
            arguments = ("x", "upper")
        model = LogisticRegression().fit(X, Y)
        model.note_ = Evil(function, *arguments)
        for content in (pickle.dumps(model, protocol), by_joblib(model, protocol=protocol)):
            with pytest.raises(PickleRefused, match=name):
                scan.load(content, "m.pkl")
    assert not (tmp_path / "ran").exists()


def test_a_call_inside_an_array_of_objects_is_found(tmp_path: Path) -> None:
    nest = np.array([Evil(exec, canary(tmp_path))], dtype=object)
    nest = np.array([{"deep": nest}], dtype=object)
    with pytest.raises(PickleRefused, match=r"builtins\.exec"):
        scan.load(by_joblib({"a": np.arange(3), "b": nest}), "m.joblib")
    assert "builtins.exec" in scan.names_in(by_joblib(nest))
    assert not (tmp_path / "ran").exists()


def test_every_name_is_told() -> None:
    content = pickle.dumps([Evil(os.system, "x"), Evil(exec, "x"), np.float64(2)])
    with pytest.raises(PickleRefused) as caught:
        scan.load(content, "m.pkl")
    assert "builtins.exec" in caught.value.what
    assert f"{os.system.__module__}.system" in caught.value.what
    assert "numpy" not in caught.value.what


def test_nothing_is_imported_by_the_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "side_effect_on_import.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    content = b"\x80\x04cside_effect_on_import\nThing\n."
    assert scan.names_in(content) == ("side_effect_on_import.Thing",)
    with pytest.raises(PickleRefused):
        scan.load(content, "m.pkl")
    assert "side_effect_on_import" not in sys.modules


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("sklearn.utils._testing", "TempMemmap"),
        ("sklearn.datasets", "Bunch"),
        ("sklearn.base", "os.system"),
        ("sklearn.base", "BaseEstimator.__init__"),
        ("numpy.testing._private.utils", "runstring"),
        ("numpy", "load"),
        ("numpy", "fromfile"),
        ("numpy.lib.npyio", "NpzFile"),
        ("builtins", "getattr"),
        ("builtins", "__import__"),
        ("joblib.pool", "MemmappingPool"),
        ("xgboost.core", "DMatrix"),
        ("functools", "partial"),
        ("sklearnx.base", "A"),
        ("notsklearn.base", "A"),
        ("sklearn\n.os", "A"),
        ("subprocess", "Popen"),
    ],
)
def test_what_could_do_more_than_hold_a_model_is_not_allowed(module: str, name: str) -> None:
    assert not scan.allowed(module, name)


def short(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


def test_a_name_put_together_at_run_time_is_seen() -> None:
    # STACK_GLOBAL takes whatever lies on the stack: here a string fetched from the memo after an honest one.
    content = b"\x80\x04" + short("builtins") + b"\x94" + b"0" + short("exec") + b"\x94" + b"0"
    content += b"h\x00h\x01\x93" + short("1") + b"\x85R."
    pickletools.dis(content, io.StringIO())
    with pytest.raises(PickleRefused, match=r"builtins\.exec"):
        scan.load(content, "m.pkl")


def test_a_name_that_only_passes_through_an_allowed_module_is_refused() -> None:
    import sklearn.pipeline

    loose = [n for n, v in vars(sklearn.pipeline).items() if isinstance(v, type) and n[0].isupper()]
    loose = [n for n in loose if not getattr(sklearn.pipeline, n).__module__.startswith("sklearn")]
    for name in loose:
        with pytest.raises(PickleRefused, match="passing through"):
            scan.load(b"\x80\x04" + short("sklearn.pipeline") + short(name) + b"\x93.", "m.pkl")
    with pytest.raises(PickleRefused, match="partial"):
        scan.load(b"\x80\x04" + short("sklearn.metrics._scorer") + short("partial") + b"\x93.", "m.pkl")


def global_(module: str, name: str) -> bytes:
    return short(module) + short(name) + b"\x93"


def test_a_function_that_looks_up_attributes_is_no_way_out(tmp_path: Path) -> None:
    # accuracy_score.__globals__["__builtins__"]["exec"](...), spelled with a helper of scikit-learn's scorers.
    look = global_("sklearn.metrics._scorer", "_check_response_method")
    held = look + global_("sklearn.metrics", "accuracy_score") + short("__getattribute__") + b"\x86R"
    held += short("__globals__") + b"\x85R"
    for key in ("__builtins__", "exec"):
        held = look + held + short("get") + b"\x86R" + short(key) + b"\x85R"
    with pytest.raises(PickleRefused, match="_check_response_method"):
        scan.load(b"\x80\x04" + held + short(canary(tmp_path)) + b"\x85R.", "m.pkl")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("sklearn.metrics._scorer", "__builtins__"),
        ("sklearn.metrics._scorer", "_SCORERS"),
        ("sklearn.metrics._classification", "get_namespace"),
        ("sklearn.utils.parallel", "Parallel"),
        ("sklearn.metrics.tests.test_score_objects", "EstimatorWithFit"),
    ],
)
def test_what_is_no_class_and_no_metric_is_refused(module: str, name: str) -> None:
    with pytest.raises(PickleRefused):
        scan.load(b"\x80\x04" + global_(module, name) + b".", "m.pkl")


def test_an_object_that_the_pickle_made_is_never_called() -> None:
    scorer = global_("sklearn.metrics._scorer", "_PassthroughScorer") + b")\x81"
    for content in (scorer + b")R.", b"(" + scorer + b"o."):
        with pytest.raises(PickleRefused, match="of its own making"):
            scan.load(b"\x80\x04" + content, "m.pkl")


def test_the_functions_that_models_hold_come_through() -> None:
    from sklearn import metrics
    from sklearn.metrics import pairwise

    scorers = [metrics.get_scorer(name)._score_func for name in metrics.get_scorer_names()]
    kernels = [f for f in pairwise.PAIRWISE_KERNEL_FUNCTIONS.values() if f is not None]
    for function in (*scorers, *kernels, pairwise.euclidean_distances):
        assert scan.load(pickle.dumps(function), "m.pkl") is function


def test_no_class_is_changed_by_a_pickle() -> None:
    change = b"\x80\x04" + short("sklearn.linear_model._logistic") + short("LogisticRegression") + b"\x93"
    change += b"N}" + short("predict") + b"Ns\x86b."
    before = LogisticRegression.predict
    with pytest.raises(ModelUnreadable, match="change a class"):
        scan.load(change, "m.pkl")
    assert LogisticRegression.predict is before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80",
        b"not a pickle at all",
        b"\x80\x04.",
        b"\x80\x04K\x01",
        b"\x80\x04\x82\x01.",  # an extension code
        b"\x80\x04Pname\n.",  # a persistent id
        b"\x80\x05\x97.",  # a buffer from elsewhere
        b"\x80\x04h\x07.",  # a memo that was never filled
        b"\x80\x05\x96" + struct.pack("<Q", 1 << 60) + b".",  # a huge bytearray
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b".",  # huge bytes
        b"(" * 50,
        pickle.dumps(3) + b"more",
    ],
)
def test_what_is_no_pickle_is_unreadable(content: bytes) -> None:
    with pytest.raises(ModelUnreadable):
        scan.load(content, "m.pkl")


def test_every_truncation_is_noticed() -> None:
    whole = by_joblib({"a": np.arange(4), "b": [1, "two"]})
    for end in range(len(whole)):
        with pytest.raises((ModelUnreadable, PickleRefused)):
            scan.load(whole[:end], "m.joblib")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_raises_nothing_but_our_errors(data: st.DataObject) -> None:
    whole = bytearray(by_joblib(LogisticRegression().fit(X, Y)))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ModelUnreadable, PickleRefused, ExtraMissing):
        scan.load(bytes(whole), "m.joblib")


def test_plain_values_match_pickle() -> None:
    for value in (None, 3, "x", b"y", [1, (2, {3: {4}})], frozenset({1}), 1 << 100, 2.5, {"a": bytearray(b"z")}):
        for protocol in range(6):
            assert scan.load(pickle.dumps(value, protocol), "m.pkl") == value
