import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from casemate.controls.deidentification import source as sources
from casemate.controls.deidentification.source import frame_source, open_source
from casemate.core.errors import DataMissing, DataUnreadable, EmptyData

TABLE = pl.DataFrame(
    {
        "age": [31, None, 58, 44],
        "city": ["Bath", "Ely", None, "Ünterstadt"],
        "born": pl.Series(["1990-02-28", "1961-01-01", None, "2001-12-31"]).str.to_date(),
    }
)


@pytest.fixture(params=["parquet", "csv", "tsv", "csv.gz"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = tmp_path / f"people.{request.param}"
    if request.param == "parquet":
        TABLE.write_parquet(made)
    else:
        text = TABLE.write_csv(separator="\t" if request.param == "tsv" else ",")
        made.write_bytes(gzip.compress(text.encode()) if made.suffix == ".gz" else text.encode())
    return made


def test_every_format_gives_the_same_rows_and_types(path: Path) -> None:
    source = open_source(path)
    assert (source.columns, source.rows) == (("age", "city", "born"), 4)
    assert_frame_equal(source.whole(), TABLE)


def test_batches_are_small_and_in_order(path: Path) -> None:
    source = open_source(path)
    batches = list(source.batches(["born", "age"], size=3))
    assert [batch.height for batch in batches] in ([3, 1], [1, 1, 1, 1], [2, 2])
    assert_frame_equal(pl.concat(batches), TABLE.select("born", "age"))


def test_a_frame_is_a_source_too() -> None:
    source = frame_source(TABLE)
    assert_frame_equal(pl.concat(source.batches(size=2)), TABLE)
    assert source.digest == frame_source(TABLE.clone()).digest


@given(column=st.lists(st.sampled_from(["1", "2", "1.5", "x", "", "true", "2020-01-01"]), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_types_from_the_first_rows_are_those_from_all_rows(
    column: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("types") / "t.csv"
    path.write_text("a,b\n" + "".join(f"{value},0\n" for value in column))
    whole = pl.read_csv(path, infer_schema_length=None, try_parse_dates=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "_FIRST_ROWS", 2)
        assert_frame_equal(open_source(path).whole(), whole)


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("a\n1\n")
    with pytest.raises(DataMissing, match=r"people\.csv"):
        open_source(tmp_path / "peple.csv")


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_an_empty_table(name: str, tmp_path: Path) -> None:
    empty = TABLE.clear()
    empty.write_csv(tmp_path / name) if name.endswith("csv") else empty.write_parquet(tmp_path / name)
    with pytest.raises(EmptyData):
        open_source(tmp_path / name)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"")
    with pytest.raises(EmptyData):
        open_source(tmp_path / "t.csv")


def test_invalid_utf8_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,x\n2,caf\xe9\n3,y\n")
    with pytest.raises(DataUnreadable, match="not UTF-8: byte 0xe9") as caught:
        open_source(path)
    assert caught.value.where == f"{path}:3"


def test_a_character_cut_off_at_the_end_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("a\nx\né".encode()[:-1])
    with pytest.raises(DataUnreadable, match="not UTF-8"):
        open_source(path)


@pytest.mark.parametrize(
    ("text", "match", "line"),
    [
        ("a,b\n1,2\n3,4,5\n", "this row has 3 fields", 3),
        ("a,b\n1,2\n3\n", "this row has 1 fields", 3),
        ("a,a\n1,2\n", "more than one column 'a'", 1),
    ],
)
def test_damage_is_located(text: str, match: str, line: int, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(DataUnreadable, match=match) as caught:
        open_source(path)
    assert caught.value.where == f"{path}:{line}"


def test_a_parquet_file_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    TABLE.write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataUnreadable, match="cannot be read"):
        open_source(path)


def test_a_format_that_holds_no_named_columns(tmp_path: Path) -> None:
    (tmp_path / "t.npy").write_bytes(b"x")
    with pytest.raises(DataUnreadable, match="neither Parquet nor delimited text"):
        open_source(tmp_path / "t.npy")
