"""One plan, several engines, the same outcome."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from casemate.controls.deidentification import memory, sorting, source, staging
from casemate.controls.deidentification.memory import in_memory
from casemate.controls.deidentification.out_of_core import out_of_core
from casemate.controls.deidentification.source import Source, frame_source, open_source
from casemate.controls.deidentification.work import Done, RowStep, Work
from casemate.controls.privacy.bands import Bands
from casemate.controls.privacy.date_shift import DateShift
from casemate.controls.privacy.microaggregation import Microaggregation
from casemate.controls.privacy.mondrian import Mondrian
from casemate.controls.privacy.pseudonyms import Pseudonyms
from casemate.controls.privacy.rounding import Rounding
from casemate.controls.privacy.top_bottom import TopBottom
from casemate.core.control import Control
from casemate.core.errors import CasemateError, ControlFailed, DataError
from casemate.core.release import Release
from casemate.core.schema import Role
from deidentified import ROLES, people, same


def work(blur: Control | None = None, **changes: object) -> Work:
    told: dict[str, object] = {
        "read": tuple(ROLES),
        "roles": ROLES,
        "publish": tuple(ROLES),
        "blur": blur,
        "seed": 3,
        "order_seed": 11,
    }
    return Work(**(told | changes))  # type: ignore[arg-type]


def carried_out(engine: str, given: Source, wanted: Work, scratch: Path) -> tuple[pl.DataFrame, Done]:
    parts: list[pl.DataFrame] = []

    def write(frame: pl.DataFrame, subjects: pl.Series | None) -> None:
        parts.append(frame if subjects is None else frame.with_columns(subjects.alias("whose")))

    if engine == "memory":
        done = in_memory(given, wanted, write, lambda *_: None)
    else:
        done = out_of_core(given, wanted, write, lambda *_: None, scratch=scratch, memory="256MB")
    return pl.concat(parts), done


def mondrian(k: int, l: int, ranges: str, noise: float) -> Mondrian:  # noqa: E741
    if ranges == "relaxed":
        return Mondrian(k=k, l=l, ranges="tight", relaxed=True, noise=noise)
    return Mondrian(k=k, l=l, ranges="loose" if ranges == "loose" else "bands", noise=noise)


@given(
    rows=st.integers(30, 400),
    k=st.integers(2, 10),
    l=st.integers(1, 2),
    ranges=st.sampled_from(["bands", "loose", "relaxed"]),
    noise=st.sampled_from([0.0, 0.3]),
    batch=st.integers(7, 100),
    sample=st.sampled_from([20, 100_000]),
    seed=st.integers(0, 3),
)
@settings(max_examples=8, deadline=None)
def test_all_engines_publish_the_same(
    rows: int,
    k: int,
    l: int,  # noqa: E741
    ranges: str,
    noise: float,
    batch: int,
    sample: int,
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    given_ = frame_source(people(rows, seed))
    wanted = work(mondrian(k, l, ranges, noise), sample=sample)
    scratch = tmp_path_factory.mktemp("scratch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "BATCH", 64)
        patch.setattr(sorting, "GROUP_ROWS", 50)
        patch.setattr(source, "BATCH_ROWS", batch)
        one, in_one = carried_out("memory", given_, wanted, scratch)
        other, in_other = carried_out("disk", given_, wanted, scratch)
    assert_frame_equal(one, other)
    assert (in_one.rows, in_one.suppressed) == (in_other.rows, in_other.suppressed)
    same(in_one.release, in_other.release)
    for done in (in_one, in_other):
        assert_frame_equal(done.raw.table[done.release.rows].select("income"), done.release.table.select("income"))


@pytest.mark.parametrize("engine", ["memory", "disk"])
@pytest.mark.parametrize("name", ["people.csv", "people.parquet"])
def test_k_holds_by_brute_force(engine: str, name: str, tmp_path: Path) -> None:
    table = people(500)
    table.write_csv(tmp_path / name) if name.endswith("csv") else table.write_parquet(tmp_path / name)
    published, done = carried_out(engine, open_source(tmp_path / name), work(Mondrian(k=7, l=2)), tmp_path)
    groups = published.group_by("age", "city", "born").agg(pl.len(), pl.col("illness").n_unique())
    assert groups["len"].min() >= 7  # type: ignore[operator]
    assert groups["illness"].min() >= 2  # type: ignore[operator]
    assert done.rows == 500
    assert sorted(published["income"]) == sorted(table["income"])


@pytest.mark.parametrize("engine", ["memory", "disk"])
def test_without_quasi_identifiers_rows_are_only_put_in_another_order(engine: str, tmp_path: Path) -> None:
    table = people(300)
    published, done = carried_out(engine, frame_source(table), work(publish=("income", "illness"), sample=50), tmp_path)
    assert published.columns == ["income", "illness"]
    assert sorted(published["income"]) == sorted(table["income"])
    assert published["income"].to_list() != table["income"].to_list()
    assert done.release.table.height == 50
    assert_frame_equal(done.release.table, published[:50])


@pytest.mark.parametrize("engine", ["memory", "disk"])
def test_a_sample_holds_whole_groups(engine: str, tmp_path: Path) -> None:
    published, done = carried_out(engine, frame_source(people(2000)), work(Mondrian(k=5), sample=300), tmp_path)
    kept = done.release.table
    assert 250 <= kept.height <= 300
    sizes = published.group_by("age", "city", "born").len()
    counted = (
        kept.group_by("age", "city", "born")
        .len()
        .join(sizes, on=["age", "city", "born"], nulls_equal=True, suffix="_all")
    )
    assert counted["len"].to_list() == counted["len_all"].to_list()


@pytest.mark.parametrize("engine", ["memory", "disk"])
def test_k_above_n_is_refused(engine: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="k is 5, but the table has 3 rows"):
        carried_out(engine, frame_source(people(3)), work(Mondrian(k=5)), tmp_path)


def test_what_needs_all_rows_at_once_says_so(tmp_path: Path) -> None:
    with pytest.raises(ControlFailed, match="must see the whole table") as caught:
        carried_out("disk", frame_source(people(30)), work(Microaggregation(k=5)), tmp_path)
    assert "--engine memory" in str(caught.value.fix)


def test_an_error_in_the_last_reading_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Release:
        raise DataError("this row is damaged", fix="mend it")

    monkeypatch.setattr(staging, "change", broken)
    with pytest.raises(DataError, match="this row is damaged"):
        carried_out("disk", frame_source(people(100)), work(Mondrian(k=5)), tmp_path)


@pytest.mark.parametrize(("text", "size"), [("256MB", 1 << 28), ("4GB", 1 << 32), ("1.5g", 3 << 29), ("2GiB", 1 << 31)])
def test_amounts_of_memory(text: str, size: int) -> None:
    assert sorting.memory_bytes(text) == size


@pytest.mark.parametrize("text", ["", "4", "lots", "1MB", "-4GB"])
def test_no_amounts_of_memory(text: str) -> None:
    with pytest.raises(CasemateError, match="no amount of memory"):
        sorting.memory_bytes(text)


@given(batch=st.integers(7, 100), sample=st.sampled_from([40, 100_000]), seed=st.integers(0, 2), bands=st.booleans())
@settings(max_examples=4, deadline=None)
def test_rows_that_were_changed_before_they_are_blurred(
    batch: int, sample: int, seed: int, bands: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = people(150, seed).with_columns(person=pl.Series(np.arange(150) // 2).cast(pl.String))
    steps = (
        RowStep(TopBottom(columns={"age": (18.0, 80.0)}, share=0), ("age",)),
        RowStep(Rounding(columns={"age": 5.0}, steps=0), ("age",)),
        RowStep(Rounding(columns={"income": 0.5}, steps=0), ("income",)),
        RowStep(DateShift(days=20, subject="person", columns=("born",), key=b"k" * 32), ("born",), ("person",)),
        RowStep(Pseudonyms(columns=("person",), master=b"m" * 32), ("person",)),
    )
    roles: dict[str, Role] = {**ROLES, "person": "identifier"}
    blur = Bands(k=4, max_suppression=0.3) if bands else Mondrian(k=4)
    columns = tuple(table.columns)
    wanted = work(blur, rows=steps, read=columns, roles=roles, publish=columns, sample=sample, subject="person")
    scratch = tmp_path_factory.mktemp("scratch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "BATCH_ROWS", batch)
        one, in_one = carried_out("memory", frame_source(table), wanted, scratch)
        other, in_other = carried_out("disk", frame_source(table), wanted, scratch)
    assert_frame_equal(one, other)
    assert in_one.suppressed == in_other.suppressed
    same(in_one.release, in_other.release)
    assert in_one.release.pseudonyms == {"person": "hmac-sha256"}
    assert set(in_one.release.meanings) == {"age", "city", "born", "income"}
    assert set(one["person"]).isdisjoint(table["person"])
    assert one.group_by("whose").agg(pl.col("person").n_unique())["person"].max() == 1
