"""Sources: which reader takes what, and what is said where nothing is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from casemate.core.errors import DataMissing, DataUnreadable, EmptyData
from casemate.systems.data.read import Source

FRAME = pl.DataFrame({"a": [1.5, 2.5], "y": [0, 1]})


def test_every_format_is_known_by_its_ending(tmp_path: Path) -> None:
    FRAME.write_csv(tmp_path / "a.csv")
    FRAME.write_csv(tmp_path / "a.tsv", separator="\t")
    FRAME.write_csv(tmp_path / "A.TXT", separator=";")
    FRAME.write_parquet(tmp_path / "a.parquet")
    FRAME.write_parquet(tmp_path / "a.pq")
    for name in ("a.csv", "a.tsv", "A.TXT", "a.parquet", "a.pq"):
        table, test = Source(name, tmp_path).read()
        assert test is None
        assert table.names == ("a", "y")
        assert table.column("a").to_list() == [1.5, 2.5]
        assert table.source == name


def test_a_declared_format_goes_before_the_ending(tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "a.dat")
    assert len(Source("a.dat", tmp_path, format="parquet").read()[0]) == 2
    with pytest.raises(DataUnreadable, match="tells no format") as caught:
        Source("a.dat", tmp_path).read()
    assert "add format" in str(caught.value.fix)


def test_arrays_and_shipped_data_are_sources_too(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X_train=np.ones((3, 2)), y_train=[0, 1, 0], X_test=np.ones((2, 2)), y_test=[0, 1])
    train, test = Source("a.npz", tmp_path).read()
    assert test is not None
    assert (len(train), len(test)) == (3, 2)
    np.save(tmp_path / "x.npy", np.ones((3, 2)))
    np.save(tmp_path / "y.npy", [0, 1, 0])
    assert len(Source("x.npy", tmp_path, labels="y.npy").read()[0]) == 3
    assert len(Source("sklearn:iris", tmp_path).read()[0]) == 150


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    FRAME.write_csv(tmp_path / "train.csv")
    with pytest.raises(DataMissing, match=r"there is no file trian\.csv\. Did you mean 'train\.csv'\?") as caught:
        Source("trian.csv", tmp_path).read()
    assert str(tmp_path / "trian.csv") in str(caught.value.where)
    with pytest.raises(DataMissing, match="there is no file"):
        Source("nowhere/train.csv", tmp_path).read()
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataMissing, match="folder is a folder"):
        Source("folder", tmp_path).read()


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_no_rows_is_told(tmp_path: Path, name: str) -> None:
    empty = FRAME.clear()
    empty.write_csv(tmp_path / "a.csv")
    empty.write_parquet(tmp_path / "a.parquet")
    with pytest.raises(EmptyData, match="no rows") as caught:
        Source(name, tmp_path).read()
    assert caught.value.where == name


def test_no_bytes_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    with pytest.raises(EmptyData):
        Source("a.csv", tmp_path).read()


def test_damaged_parquet_is_refused_wherever_it_was_cut(tmp_path: Path) -> None:
    pl.DataFrame({"a": range(1000), "y": ["word"] * 1000}).write_parquet(tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    for end in (0, 4, 11, len(content) // 2, len(content) - 1):
        (tmp_path / "b.parquet").write_bytes(content[:end])
        with pytest.raises(DataUnreadable, match=r"b\.parquet cannot be read as Parquet"):
            Source("b.parquet", tmp_path).read()
    (tmp_path / "b.parquet").write_bytes(content[:4] + bytes(56) + content[60:])
    with pytest.raises(DataUnreadable):
        Source("b.parquet", tmp_path).read()


def test_text_that_calls_itself_parquet_is_refused(tmp_path: Path) -> None:
    FRAME.write_csv(tmp_path / "a.parquet")
    with pytest.raises(DataUnreadable):
        Source("a.parquet", tmp_path).read()


def test_parquet_that_calls_itself_text_is_refused(tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "a.csv")
    with pytest.raises(DataUnreadable):
        Source("a.csv", tmp_path).read()
