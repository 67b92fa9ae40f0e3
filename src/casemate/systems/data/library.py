"""Data sets by name: those that scikit-learn ships (``sklearn:``), and OpenML's, over the network (``openml:``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from casemate.core.errors import DataMissing, DataUnreadable, did_you_mean
from casemate.systems.data.table import Table

SHIPPED = ("breast_cancer", "digits", "iris", "wine")
"""The classification data sets inside scikit-learn; none is downloaded."""


def read_sklearn(name: str) -> Table:
    """Return one of the `SHIPPED` data sets. Labels keep scikit-learn's numbers, classes their names.

    Raises:
        DataMissing: scikit-learn ships no such classification data set.
    """
    from sklearn import datasets

    if name not in SHIPPED:
        raise DataMissing(
            f"scikit-learn ships no classification data set {name!r}.{did_you_mean(name, SHIPPED)}",
            where=f"sklearn:{name}",
            fix=f"use one of: {', '.join(SHIPPED)}",
        )
    bunch = getattr(datasets, f"load_{name}")()
    shape = tuple(bunch.images.shape[1:]) if "images" in bunch else ()
    names = tuple(str(feature) for feature in bunch.feature_names)
    classes = tuple(str(label) for label in bunch.target_names)
    return Table(f"sklearn:{name}", bunch.data, names, bunch.target, classes, shape, "target")


def read_openml(name: str) -> Table:
    """Return a data set of openml.org by its number or its name (its active version).

    Raises:
        DataMissing: it does not exist, or the network cannot be reached and it was not fetched before.
        DataUnreadable: it has no single target, or columns that are no numbers.
    """
    bunch = _fetch(name)
    if bunch.target is None or np.ndim(bunch.target) != 1:
        raise DataUnreadable(f"openml:{name} has no single target", where=f"openml:{name}", fix="use another data set")
    try:
        X = np.asarray(bunch.data.toarray() if hasattr(bunch.data, "toarray") else bunch.data, dtype=np.float64)
    except ValueError as error:
        raise DataUnreadable(
            f"openml:{name} has columns that are no numbers: {error}",
            where=f"openml:{name}",
            fix="download it, code its columns, and name the file instead",
        ) from error
    target = str((bunch.get("target_names") or ["target"])[0])
    return Table(f"openml:{name}", X, tuple(map(str, bunch.feature_names)), np.asarray(bunch.target), (), (), target)


def _fetch(name: str) -> Any:
    from sklearn.datasets import fetch_openml

    which = {"data_id": int(name)} if name.isdigit() else {"name": name, "version": "active"}
    try:
        # The liac-arff parser needs no pandas, and as a matrix it codes categories by number.
        return fetch_openml(**which, as_frame=False, parser="liac-arff")
    except (OSError, ValueError) as error:
        raise DataMissing(
            f"openml:{name} could not be fetched: {error}",
            where=f"openml:{name}",
            why="it is downloaded once, and then kept in scikit-learn's data folder",
            fix="check the name and the network, or download the data and name the file instead",
        ) from error
