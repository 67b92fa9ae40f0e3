"""The same on Ray as in memory. Starting Ray takes long, so that one test does all."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from casemate.controls.deidentification import ray_blurring
from casemate.controls.deidentification.engines import EngineName, carry_out
from casemate.controls.deidentification.ray_blurring import blurred_on_ray
from casemate.controls.deidentification.source import Source, frame_source, open_source
from casemate.controls.deidentification.work import Done, RowStep, Work
from casemate.controls.privacy.bands import Bands
from casemate.controls.privacy.mondrian import Mondrian
from casemate.controls.privacy.pseudonyms import Pseudonyms
from casemate.controls.privacy.rounding import Rounding
from casemate.core.errors import ControlFailed, DataError
from deidentified import ROLES, people, same

pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    import logging

    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    yield
    ray.shutdown()


def carried_out(engine: EngineName, source: Source, work: Work, scratch: Path) -> tuple[pl.DataFrame, Done]:
    parts: list[pl.DataFrame] = []

    def write(frame: pl.DataFrame, subjects: pl.Series | None) -> None:
        assert subjects is not None
        parts.append(frame.with_columns(subjects.alias("whose")))

    done = carry_out(engine, source, work, write, lambda *_: None, scratch=scratch, memory="256MB")
    return pl.concat(parts), done


@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_the_outcome_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_blurring, "PART_ROWS", 150)
    table = people(400).with_columns(person=pl.Series([f"p{i // 2}" for i in range(400)]))
    table.write_parquet(tmp_path / "t.parquet", row_group_size=150)
    columns = tuple(table.columns)
    steps = (
        RowStep(Rounding(columns={"age": 5.0}, steps=0), ("age",)),
        RowStep(Pseudonyms(columns=("person",), master=b"m" * 32), ("person",)),
    )
    roles = {**ROLES, "person": "identifier"}
    work = Work(columns, roles, columns, steps, Mondrian(k=4, l=2, noise=0.2), 3, 11, "person", 100)
    one, in_one = carried_out("memory", open_source(tmp_path / "t.parquet"), work, tmp_path)
    other, in_other = carried_out("ray", open_source(tmp_path / "t.parquet"), work, tmp_path)
    assert_frame_equal(one, other)
    same(in_one.release, in_other.release)
    assert_frame_equal(in_one.raw.table[in_one.release.rows], in_other.raw.table[in_other.release.rows])
    with pytest.raises(DataError, match="k is 500, but the table has 400 rows"):  # as the worker said it
        carried_out("ray", open_source(tmp_path / "t.parquet"), replace(work, blur=Mondrian(k=500)), tmp_path)


def test_what_ray_cannot_do_says_so(tmp_path: Path) -> None:
    rows = SimpleNamespace(source=frame_source(people(30)))
    with pytest.raises(ControlFailed, match="does not run on Ray"):
        blurred_on_ray(rows, Work((), {}, (), blur=Bands(k=4)), tmp_path, lambda *_: None)  # type: ignore[arg-type]
