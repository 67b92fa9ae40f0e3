"""Reading NumPy arrays: .npz archives and pairs of .npy files. Pickled objects are never loaded.

An .npz archive holds, in upper or lower case, either ``X`` and ``y`` or ``X_train``, ``y_train``, ``X_test`` and
``y_test``; and, if its author likes, ``feature_names`` and ``classes`` as arrays of text. Features are (n, d), or
images: (n, height, width), (n, channels, height, width) or (n, height, width, channels). In the last form, known by
1, 3 or 4 channels at the end, the channels are moved to the front.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from casemate.core.errors import DataUnreadable, ShapeMismatch, did_you_mean
from casemate.systems.data.table import Table
from casemate.systems.unpacking import check_archive

_CHANNELS = (1, 3, 4)


def read_npz(path: Path, source: str) -> tuple[Table, Table | None]:
    """Return the rows of an .npz archive, and its test rows where it holds some.

    Raises:
        DataUnreadable: truncated, damaged, holding objects, or without the arrays that are named above.
        ShapeMismatch: features and labels of different lengths.
    """
    arrays = _arrays(path, source)
    if "x_train" in arrays:
        train = _table(arrays, "x_train", "y_train", source, path)
        test = _table(arrays, "x_test", "y_test", source, path) if "x_test" in arrays else None
        return train, test
    return _table(arrays, "x", "y", source, path), None


def read_npy(features: Path, labels: Path | None, source: str) -> Table:
    """Return the rows of a pair of .npy files.

    Raises:
        DataUnreadable: truncated, damaged, holding objects, or no labels given.
        ShapeMismatch: features and labels of different lengths.
    """
    if labels is None:
        raise DataUnreadable(
            f"{source} holds features alone",
            where=str(features),
            fix="name the file of its labels: train-labels, test-labels or trusted-labels in [data]",
        )
    arrays = {"x": _array(features, source), "y": _array(labels, labels.name)}
    return _table(arrays, "x", "y", source, features)


_KNOWN = ("x", "y", "x_train", "y_train", "x_test", "y_test", "feature_names", "classes")
_DAMAGE = (ValueError, OSError, EOFError, KeyError, MemoryError, zipfile.BadZipFile)


def _arrays(path: Path, source: str) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.ndarray):
                check_archive(loaded.zip)
                # Arrays that nothing asks for are not read.
                return {name.lower(): loaded[name] for name in loaded.files if name.lower() in _KNOWN}
    except _DAMAGE as error:
        raise _unreadable(source, path, str(error)) from error
    raise _unreadable(source, path, "it holds one bare array, and is no archive")


def _array(path: Path, source: str) -> np.ndarray:
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
    except _DAMAGE as error:
        raise _unreadable(source, path, str(error)) from error
    raise _unreadable(source, path, "it is an archive, and holds no bare array")


def _unreadable(source: str, path: Path, reason: str) -> DataUnreadable:
    if "pickle" in reason.lower():
        return DataUnreadable(
            f"{source} holds Python objects, or is no NumPy file",
            where=str(path),
            why="loading objects would run code from the file",
            fix="save plain arrays of numbers, for example with X.astype(float)",
        )
    return DataUnreadable(f"{source} cannot be read: {reason}", where=str(path), fix="copy or write the file again")


def _table(arrays: dict[str, np.ndarray], features: str, labels: str, source: str, path: Path) -> Table:
    for name in (features, labels):
        if name not in arrays:
            raise DataUnreadable(
                f"{source} has no array {name!r}.{did_you_mean(name, arrays)}",
                where=str(path),
                fix="save it with numpy.savez(path, X=features, y=labels)",
            )
    X, y = arrays[features], arrays[labels]
    if X.dtype.kind not in "biuf" or X.ndim < 2:
        raise DataUnreadable(
            f"{features} must be numbers with at least two axes; it has type {X.dtype} and shape {X.shape}",
            where=str(path),
            fix="save one row per sample",
        )
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.shape != (len(X),):
        raise ShapeMismatch(
            f"{features} has {len(X)} rows, {labels} has shape {y.shape}",
            where=str(path),
            fix="give one label per row",
        )
    if X.ndim == 4 and X.shape[3] in _CHANNELS and X.shape[1] not in _CHANNELS:
        X = np.moveaxis(X, 3, 1)
    shape = tuple(X.shape[1:]) if X.ndim > 2 else ()
    X = X.reshape(len(X), int(np.prod(X.shape[1:])))
    classes = tuple(str(name) for name in arrays.get("classes", ()))
    return Table(source, X, _names(arrays, X.shape[1], path), y, classes, shape)


def _names(arrays: dict[str, np.ndarray], count: int, path: Path) -> tuple[str, ...]:
    if "feature_names" not in arrays:
        return tuple(f"x{position}" for position in range(count))
    names = tuple(str(name) for name in arrays["feature_names"].ravel())
    if len(names) != count or len(set(names)) != count:
        raise ShapeMismatch(
            f"feature_names holds {len(set(names))} different names for {count} features",
            where=str(path),
            fix="give each feature a name of its own",
        )
    return names
