"""From the [data] table to data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from casemate.core.errors import NotFinite, OutOfRange, ShapeMismatch, SystemFileError
from casemate.systems.data import load_data
from casemate.systems.declaration import ColumnTable, DataTable

TRAIN = pl.DataFrame(
    {
        "id": range(8),
        "age": [20, 30, 40, 50, 25, 35, 45, 55],
        "sex": ["m", "f"] * 4,
        "height": [1.5, 1.6, 1.7, 1.8, 1.5, 1.6, 1.7, 1.8],
        "y": ["no", "no", "yes", "yes"] * 2,
    }
)
TEST = pl.DataFrame({"y": ["yes", "no"], "height": [2.5, 1.0], "sex": ["f", "m"], "age": [80, 10], "id": [9, 10]})


def written(folder: Path, train: pl.DataFrame = TRAIN, test: pl.DataFrame = TEST) -> Path:
    train.write_csv(folder / "train.csv", separator=";")
    test.write_parquet(folder / "test.parquet")
    return folder


def table(**changes: object) -> DataTable:
    own = {"id": ColumnTable(role="identifier")}
    base = {"train": "train.csv", "test": "test.parquet", "target": "y", "columns": own}
    return DataTable(**{**base, **changes})  # type: ignore[arg-type]


def test_two_files_become_data_sets_of_one_schema(tmp_path: Path) -> None:
    data = load_data(table(groups=("sex", "id")), written(tmp_path))
    schema = data.train.schema
    assert data.test.schema is schema
    assert schema.names == ("age", "sex", "height")
    assert (schema.classes, schema.target, schema.shape) == (("no", "yes"), "y", (3,))
    assert [(c.low, c.high) for c in schema.columns] == [(20.0, 55.0), (0.0, 1.0), (1.5, 1.8)]
    np.testing.assert_array_equal(data.test.X, [[80, 0, 2.5], [10, 1, 1.0]])
    assert data.test.y.tolist() == [1, 0]
    assert not set(data.train.ids) & set(data.test.ids)
    assert data.train.groups["sex"].tolist() == ["m", "f"] * 4
    assert data.test.frame()["sex"].to_list() == ["f", "m"]


def test_shares_are_taken_out_by_class(tmp_path: Path) -> None:
    own = table(test=None, test_share=0.5, trusted_share=0.5, groups=("sex",))
    data = load_data(own, written(tmp_path))
    assert data.trusted is not None
    ids = [set(part.ids.tolist()) for part in (data.train, data.test, data.trusted)]
    assert [len(part) for part in ids] == [2, 4, 2]
    assert set.union(*ids) == set(range(8))
    assert data.test.y.tolist().count(1) == 2
    for part in (data.train, data.test, data.trusted):
        np.testing.assert_array_equal(part.X[:, 0], TRAIN["age"].to_numpy()[part.ids])
        assert len(part.groups["sex"]) == len(part)


def test_the_split_seed_decides_who_is_tested(tmp_path: Path) -> None:
    written(tmp_path)
    ids = {
        seed: load_data(table(test=None, test_share=0.5, split_seed=seed), tmp_path).test.ids.tolist()
        for seed in range(4)
    }
    assert ids[1] == load_data(table(test=None, test_share=0.5, split_seed=1), tmp_path).test.ids.tolist()
    assert len({tuple(rows) for rows in ids.values()}) > 1


def test_trusted_rows_may_have_a_file_of_their_own(tmp_path: Path) -> None:
    TRAIN.head(3).write_csv(written(tmp_path) / "trusted.csv")
    data = load_data(table(trusted="trusted.csv"), tmp_path)
    assert data.trusted is not None
    assert data.trusted.ids.tolist() == [10, 11, 12]
    assert data.trusted.y.tolist() == [0, 0, 1]


def test_images_keep_their_shape_and_one_range(tmp_path: Path) -> None:
    data = load_data(DataTable(train="sklearn:digits", test_share=0.2, range=(0, 16)), tmp_path)
    assert data.train.schema.shape == (8, 8)
    assert {(c.low, c.high) for c in data.train.schema.columns} == {(0.0, 16.0)}
    shaped = load_data(DataTable(train="sklearn:digits", test_share=0.2, shape=(1, 8, 8)), tmp_path)
    assert shaped.train.schema.shape == (1, 8, 8)
    some = load_data(
        DataTable(train="sklearn:digits", test_share=0.2, columns={"pixel_0_*": ColumnTable(role="ignored")}), tmp_path
    )
    assert some.train.schema.shape == (56,)
    with pytest.raises(ShapeMismatch, match="8 x 9 has room for 72 values, a row holds 64"):
        load_data(DataTable(train="sklearn:digits", test_share=0.2, shape=(8, 9)), tmp_path)


def test_an_archive_brings_its_own_test_rows(tmp_path: Path) -> None:
    X, y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1])
    np.savez(tmp_path / "a.npz", X_train=X, y_train=y, X_test=X[:2], y_test=y[:2])
    data = load_data(DataTable(train="a.npz"), tmp_path)
    assert (len(data.train), len(data.test)) == (6, 2)
    with pytest.raises(SystemFileError, match="test rows of its own"):
        load_data(DataTable(train="a.npz", test_share=0.5), tmp_path)


def test_pairs_of_arrays_name_their_labels(tmp_path: Path) -> None:
    X, y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1])
    for name, part in (("x", slice(4)), ("t", slice(4, 6))):
        np.save(tmp_path / f"{name}.npy", X[part])
        np.save(tmp_path / f"{name}_y.npy", y[part])
    data = load_data(
        DataTable(train="x.npy", train_labels="x_y.npy", test="t.npy", test_labels="t_y.npy", target="kind"), tmp_path
    )
    assert data.test.y.tolist() == [0, 1]
    assert data.train.schema.target == "kind"


@pytest.mark.parametrize(
    ("test", "kind", "where"),
    [
        (TEST.with_columns(sex=pl.lit("x")), OutOfRange, "test.parquet, column 'sex', row 1"),
        (TEST.with_columns(height=pl.Series([1.0, None])), NotFinite, "test.parquet, column 'height', row 2"),
        (TEST.with_columns(y=pl.Series(["no", "maybe"])), OutOfRange, "test.parquet, column 'y', row 2"),
        (TEST.drop("age"), ShapeMismatch, "test.parquet"),
        (TEST.drop("y"), ShapeMismatch, "test.parquet"),
    ],
)
def test_test_rows_must_agree_with_training_rows(
    tmp_path: Path, test: pl.DataFrame, kind: type[Exception], where: str
) -> None:
    with pytest.raises(kind) as caught:
        load_data(table(), written(tmp_path, test=test))
    assert getattr(caught.value, "where", None) == where


def test_a_declared_range_binds_test_rows_too(tmp_path: Path) -> None:
    own = {"id": ColumnTable(role="identifier"), "age": ColumnTable(range=(18, 60))}
    with pytest.raises(OutOfRange, match="80 is outside the range of 'age', 18 to 60") as caught:
        load_data(table(columns=own), written(tmp_path))
    assert caught.value.where == "test.parquet, column 'age', row 1"


def test_the_digest_follows_the_rows(tmp_path: Path) -> None:
    first = load_data(table(), written(tmp_path)).train.digest
    assert load_data(table(), tmp_path).train.digest == first
    changed = TRAIN.with_columns(height=TRAIN["height"] + 0.1)
    assert load_data(table(), written(tmp_path, changed)).train.digest != first
