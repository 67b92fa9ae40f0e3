"""Delimited text: what is found out, and every kind of damage with its line."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.core.errors import DataUnreadable
from casemate.systems import unpacking
from casemate.systems.data.delimited import DELIMITERS, read_delimited, sniff
from casemate.systems.data.table import Table


def read(folder: Path, content: bytes | str, name: str = "rows.csv", delimiter: str | None = None) -> Table:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_delimited(path, name, delimiter)


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_the_delimiter_is_found_out(tmp_path: Path, delimiter: str) -> None:
    text = "a;b,c\n".replace(";", delimiter).replace(",", delimiter) + delimiter.join(["1.5", "x", "y"]) + "\n"
    table = read(tmp_path, text)
    assert table.names == ("a", "b", "c")
    assert table.column("a").to_list() == [1.5]


def test_a_decimal_comma_inside_fields_does_not_mislead() -> None:
    assert sniff(b'name;note\n"a, b";x\nc;"d, e, f"\ng;h\n') == ";"


def test_quotes_tell_the_delimiter() -> None:
    assert sniff(b'"";"||";"|1"\n"";"|";"||"\n') == ";"


def test_a_quote_inside_a_word_does_not_mislead() -> None:
    assert sniff(b'name;size\n"5"" pipe";5" x\n"a" b;c\n') == ";"


def test_a_declared_delimiter_wins(tmp_path: Path) -> None:
    assert read(tmp_path, "a:b\n1:2\n", delimiter=":").names == ("a", "b")


def test_one_column_reads_as_one_column(tmp_path: Path) -> None:
    assert read(tmp_path, "a\n1\n2\n").column("a").to_list() == [1, 2]


cells = st.text(st.sampled_from('ab ,;|\t"\n1'), max_size=5).filter(lambda text: text == text.strip())


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(DELIMITERS), st.integers(2, 4), st.data())
def test_the_delimiter_of_any_quoted_file_is_found(delimiter: str, width: int, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=2, max_size=6))
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    if not any("\n" in cell for row in rows for cell in row):
        assert sniff(file.getvalue().encode()) == delimiter


def test_types_come_from_all_rows(tmp_path: Path) -> None:
    table = read(tmp_path, "a,b\n" + "1,2\n" * 2000 + "x,2.5\n")
    assert table.column("a").dtype == pl.String
    assert table.column("b").dtype == pl.Float64


def test_truth_values_dates_and_gaps_are_told_apart(tmp_path: Path) -> None:
    table = read(tmp_path, "t,d,g\ntrue,2020-01-02,1\nfalse,2020-01-03,\n")
    assert (table.column("t").dtype, table.column("d").dtype) == (pl.Boolean, pl.Date)
    assert table.column("g").to_list() == [1, None]


def test_gzip_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    content = gzip.compress(b"\xef\xbb\xbfa,b\n1,2\n")
    assert read(tmp_path, content, "rows.csv.gz").names == ("a", "b")


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    assert len(read(tmp_path, "a,b\n")) == 0
    assert len(read(tmp_path, "")) == 0


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"a,b\n1,2\n1,2,3\n4,5\n", 3, "this row has 3 fields, the header has 2"),
        (b"a,b\n1,2\n1\n4,5\n", 3, "this row has 1 fields, the header has 2"),
        (b'a,b\n"x\ny",2\n1,2,3\n', 4, "this row has 3 fields"),
        (b"a,b\n1,2\n\xe9,2\n", 3, "not UTF-8: byte 0xe9 at offset 8"),
        (b"a,b,a\n1,2,3\n", 1, "more than one column 'a'"),
        (b"\x00\xff\xfe", 1, "not UTF-8"),
    ],
)
def test_damage_is_located(tmp_path: Path, content: bytes, line: int, message: str) -> None:
    with pytest.raises(DataUnreadable, match=message) as caught:
        read(tmp_path, content)
    assert str(caught.value.where).endswith(f"rows.csv:{line}")
    assert caught.value.fix


def test_empty_lines_at_the_end_are_no_rows(tmp_path: Path) -> None:
    assert len(read(tmp_path, "a,b\n1,2\n\n\n")) == 1
    assert len(read(tmp_path, "a,b\r\n1,2\r\n\r\n")) == 1


def test_the_remedy_knows_utf_16(tmp_path: Path) -> None:
    with pytest.raises(DataUnreadable) as caught:
        read(tmp_path, "a,b\n1,2\n".encode("utf-16"))
    assert "iconv -f utf-16" in str(caught.value.fix)


def test_an_open_quote_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataUnreadable):
        read(tmp_path, 'a,b\n"1,2\n3,4\n')


def test_damaged_gzip_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataUnreadable, match="cannot be read"):
        read(tmp_path, gzip.compress(b"a,b\n1,2\n" * 100)[:-20], "rows.csv.gz")


def test_a_missing_last_value_is_missing_and_not_ragged(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b\n1,\n2,3\n").column("b").to_list() == [None, 3]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(DataUnreadable):
        table = read(Path(folder), content)
        assert table.values.shape[1] == len(table.names)


def test_a_gzip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "MAX_UNPACKED", 1000)
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 10_000))
    with pytest.raises(DataUnreadable, match="bomb"):
        read_delimited(path, "rows.csv.gz")
