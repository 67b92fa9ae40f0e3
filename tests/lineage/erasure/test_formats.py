import gzip
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from casemate.core.errors import DataUnreadable, UnknownName
from casemate.lineage.erasure.formats import Delimited, Parquet, format_of

CELL = st.text(alphabet='ab,";\n \u00e9', max_size=4)


def rows(*positions: int) -> np.ndarray:
    return np.array(positions, np.int64)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=8), st.data())
def test_rows_of_text_that_stay_keep_every_byte(
    tmp_path: Path, cells: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    def written(some: list[tuple[str, str, str]]) -> bytes:
        table = pl.DataFrame(some, schema=["one", "two", "three"], orient="row")
        return table.write_csv(quote_style="always").encode()

    gone = sorted(data.draw(st.sets(st.integers(0, len(cells) - 1))))
    source, target = tmp_path / "x.csv", tmp_path / "y.csv"
    source.write_bytes(written(cells))
    target.unlink(missing_ok=True)
    total, left = Delimited().copy(source, target, rows(*gone))
    assert total == len(cells)
    assert target.read_bytes() == written([row for place, row in enumerate(cells) if place not in gone])
    assert len(left) == len(gone)
    ids = [value or None for value in (row[1] for row in cells)]
    assert Delimited().ids(source, "two").to_list() == ids


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("id,x\r\n1,a\r\n2,b\r\n", "x.csv"),
        ("\ufeffid;x\n1;a\n2;b", "x.csv"),
        ("id\tx\n1\ta\n2\tb\n", "x.tsv"),
        ("id,x\n1,a\n2,b\n", "x.csv.gz"),
    ],
)
def test_line_ends_delimiters_marks_and_gzip(tmp_path: Path, text: str, name: str) -> None:
    opened = gzip.open if name.endswith(".gz") else open
    source, target = tmp_path / name, tmp_path / f"copy-{name}"
    with opened(source, "wb") as file:  # type: ignore[operator]
        file.write(text.encode())
    format = format_of(source)
    assert isinstance(format, Delimited)
    assert format.columns(source) == ("id", "x")
    assert format.ids(source, "id").to_list() == ["1", "2"]
    assert format.copy(source, target, rows(0))[0] == 2
    with opened(target, "rb") as file:  # type: ignore[operator]
        copied = file.read().decode()
    assert "1" not in copied
    assert copied.startswith(text[: text.index("1")])
    assert copied.endswith(text[text.index("2") :])


def test_text_that_is_no_table_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("id,x\n1,a\n\n2,b\n")
    with pytest.raises(DataUnreadable, match="too short"):
        Delimited().ids(path, "x")
    with pytest.raises(UnknownName, match="Did you mean 'id'"):
        Delimited().ids(path, "ids")


@pytest.mark.parametrize("codec", ["NONE", "SNAPPY", "ZSTD", "GZIP"])
def test_parquet_keeps_groups_types_compression_and_metadata(tmp_path: Path, codec: str) -> None:
    table = pa.table({"id": pa.array(range(10), pa.int32()), "x": pa.array(list("abcdefghij")).dictionary_encode()})
    table = table.replace_schema_metadata({"mine": "1"})
    source, target = tmp_path / "x.parquet", tmp_path / "y.parquet"
    pq.write_table(table, source, row_group_size=4, compression=codec)
    assert Parquet().copy(source, target, rows(0, 4, 5, 6, 7, 9)) == (10, [])
    found = pq.ParquetFile(target)
    assert found.read().column("id").to_pylist() == [1, 2, 3, 8]
    assert found.schema_arrow.equals(pq.ParquetFile(source).schema_arrow, check_metadata=True)
    assert found.num_row_groups == 2
    codec_found = found.metadata.row_group(0).column(0).compression
    assert codec_found == ("UNCOMPRESSED" if codec == "NONE" else codec)
    assert Parquet().ids(source, "id").to_list() == list(range(10))
    assert Parquet().columns(source) == ("id", "x")
    found.close()


def test_parquet_without_rows_and_damaged(tmp_path: Path) -> None:
    source = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": pa.array([], pa.int32())}), source)
    assert Parquet().copy(source, tmp_path / "y.parquet", rows())[0] == 0
    source.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(DataUnreadable):
        Parquet().columns(source)


def test_other_files_have_no_format(tmp_path: Path) -> None:
    for name, data in (("x.json", b"{}"), ("sealed.parquet", b"PARE...."), ("x.arrow", b"ARROW1")):
        (tmp_path / name).write_bytes(data)
        assert format_of(tmp_path / name) is None
