import warnings
from pathlib import Path

import duckdb
import polars as pl
import pytest

from casemate.core.digests import file_digest
from casemate.core.errors import DataMissing, LineageError
from casemate.core.provenance import ColumnEdge, DatasetVersion, Run
from casemate.lineage import Lineage
from casemate.lineage.capture import capturing

PEOPLE = pl.DataFrame(
    {"name": [f"n{i}" for i in range(90)], "age": [i % 80 for i in range(90)], "city": ["A", "B", "C"] * 30}
)
ROLES = {"name": "identifier", "age": "quasi-identifier"}


@pytest.fixture
def people(tmp_path: Path) -> Path:
    PEOPLE.write_parquet(tmp_path / "people.parquet")
    return tmp_path / "people.parquet"


def edge(run: Run, source: str, target: str, kind: str = "direct") -> ColumnEdge:
    (found,) = [e for e in run.edges if (e.source, e.target, e.kind) == (source, target, kind)]
    return found


def test_a_polars_pipeline_is_recorded(people: Path, tmp_path: Path) -> None:
    runs: list[Run] = []
    with capturing("clean", why="only adults", record=runs.append, actor="ana", purpose="train") as capture:
        lazy = capture.scan(people, name="crm.people", roles=ROLES)  # type: ignore[arg-type]
        adults = lazy.filter(pl.col("age") >= 18).with_columns(band=pl.col("age") // 10).drop("name")
        version = capture.write(adults, tmp_path / "adults.csv", name="crm.adults")
    (run,) = runs
    assert (run.job, run.actor, run.status, run.purpose) == ("clean", "ana", "complete", "train")
    assert run.inputs[0].digest == file_digest(people)
    assert (run.inputs[0].rows, run.inputs[0].columns) == (90, ("name", "age", "city"))
    assert run.outputs == (version,)
    assert version.digest == file_digest(tmp_path / "adults.csv")
    assert version.roles == {"age": "quasi-identifier"}  # a copy keeps its role
    assert edge(run, "age", "age").transformation == "identity"
    assert edge(run, "age", "band").transformation == "operator:floordivide"
    assert edge(run, "age", "city", "indirect").transformation == "filter"
    assert edge(run, "name", "").transformation == "drop"
    assert {e.why for e in run.edges} == {"only adults"}
    assert run.started <= run.finished


def test_summaries_tell_of_columns_and_of_nobody(people: Path, tmp_path: Path) -> None:
    runs: list[Run] = []
    with capturing("copy", why="w", record=runs.append) as capture:
        lazy = capture.scan(people, roles=ROLES)  # type: ignore[arg-type]
        capture.write(lazy.with_columns(loud=pl.col("name").str.to_uppercase()), tmp_path / "out.parquet")
    for source, target in (("name", "name"), ("name", "loud")):
        found = edge(runs[0], source, target)
        assert found.before
        assert found.after
        assert (found.before.distinct, found.before.shares, found.after.shares) == (90, {}, {})
    found = edge(runs[0], "age", "age")
    assert found.after
    assert found.after.low == ""
    with capturing("copy", why="w", record=runs.append, summaries=False) as capture:
        capture.write(capture.scan(people), tmp_path / "again.parquet")
    assert all(e.before is None and e.after is None for e in runs[1].edges)


def test_collected_frames_keep_their_way_and_others_are_opaque(people: Path, tmp_path: Path) -> None:
    runs: list[Run] = []
    with capturing("eager", why="w", record=runs.append) as capture:
        frame = capture.collect(capture.scan(people, name="p").select("age"))
        capture.write(frame, tmp_path / "kept.parquet")
        capture.write(pl.DataFrame({"x": frame["age"] * 2}), tmp_path / "lost.parquet")
    assert edge(runs[0], "age", "age").kind == "direct"
    assert {e.source for e in runs[0].edges if e.target == "x"} == {"name", "age", "city"}
    assert {e.kind for e in runs[0].edges if e.target == "x"} == {"opaque"}


def test_a_python_function_is_opaque(people: Path, tmp_path: Path) -> None:
    runs: list[Run] = []
    with capturing("score", why="w", record=runs.append) as capture, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scored = capture.scan(people).select(s=pl.col("age").map_elements(lambda v: v, return_dtype=pl.Int64))
        capture.write(scored, tmp_path / "s.parquet")
    assert {(e.source, e.kind) for e in runs[0].edges} == {(name, "opaque") for name in PEOPLE.columns}


def test_frames_in_memory_may_be_sources(tmp_path: Path) -> None:
    runs: list[Run] = []
    with capturing("join", why="w", record=runs.append) as capture:
        left = capture.frame(PEOPLE, name="left")
        right = capture.frame(pl.DataFrame({"city": ["A"], "country": ["X"]}), name="right")
        capture.write(left.join(right, on="city"), tmp_path / "j.parquet")
    assert [v.name for v in runs[0].inputs] == ["left", "right"]
    assert edge(runs[0], "country", "country").source_dataset == "right"
    with capturing("memory", why="w", record=runs.append) as capture:
        capture.write(PEOPLE.lazy().select("age"), tmp_path / "m.parquet")
    assert runs[1].inputs[0].name == "data frame in memory"
    assert edge(runs[1], "age", "age").kind == "direct"


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".ndjson", ".arrow"])
def test_files_of_all_kinds_are_read_and_written(suffix: str, people: Path, tmp_path: Path) -> None:
    runs: list[Run] = []
    with capturing("convert", why="w", record=runs.append) as capture:
        capture.write(capture.scan(people), tmp_path / f"one{suffix}")
        capture.write(capture.scan(tmp_path / f"one{suffix}", name="one").select("age"), tmp_path / f"two{suffix}")
    assert any(e.source_dataset == "one" and e.source == e.target == "age" for e in runs[0].edges)
    assert not list(tmp_path.glob(".*"))


def test_folders_and_patterns_are_one_source(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(3):
        PEOPLE.write_parquet(tmp_path / "in" / f"{i}.parquet")
    runs: list[Run] = []
    with capturing("many", why="w", record=runs.append) as capture:
        capture.write(capture.scan(tmp_path / "in" / "*.parquet", name="many"), tmp_path / "out.parquet")
    assert [(v.name, v.rows) for v in runs[0].inputs] == [("many", 270)]
    assert edge(runs[0], "age", "age").source_dataset == "many"


def test_duckdb_queries_are_recorded(people: Path, tmp_path: Path) -> None:
    runs: list[Run] = []
    with duckdb.connect() as con, capturing("count", why="report", record=runs.append) as capture:
        con.execute("CREATE TABLE country (city VARCHAR, land VARCHAR)")
        con.execute("INSERT INTO country VALUES ('A', 'X'), ('B', 'Y')")
        capture.sql(
            con,
            f"SELECT land, avg(age) AS age FROM '{people}' JOIN country USING (city) GROUP BY land;",
            tmp_path / "lands.parquet",
            name="report.lands",
            names={str(people): "crm.people", "country": "ref.country"},
        )
    (run,) = runs
    assert {v.name: v.rows for v in run.inputs} == {"crm.people": 90, "ref.country": 2}
    assert edge(run, "age", "age").transformation == "aggregate:avg"
    assert edge(run, "age", "age").masking
    assert edge(run, "land", "land").source_dataset == "ref.country"
    assert edge(run, "name", "").transformation == "drop"
    assert run.outputs[0].rows == 2
    assert pl.read_parquet(tmp_path / "lands.parquet").sort("land")["land"].to_list() == ["X", "Y"]


def test_the_digest_of_a_table_changes_with_its_content_and_not_with_its_order(tmp_path: Path) -> None:
    digests = []
    for values in ("(1), (2)", "(2), (1)", "(1), (3)"):
        runs: list[Run] = []
        with duckdb.connect() as con, capturing("j", why="w", record=runs.append) as capture:
            con.execute(f"CREATE TABLE t (a INT); INSERT INTO t VALUES {values}")
            capture.sql(con, "SELECT a FROM t", tmp_path / "t.parquet")
        digests.append(runs[0].inputs[0].digest)
    assert digests[0] == digests[1] != digests[2]


def test_code_that_is_not_looked_into_is_opaque() -> None:
    runs: list[Run] = []
    with capturing("by hand", why="w", record=runs.append) as capture:
        capture.read(DatasetVersion("in", "a1", columns=("a", "b")))
        capture.wrote(DatasetVersion("out", "b2", columns=("x",)), why="because")
    assert {(e.source, e.target, e.kind, e.why) for e in runs[0].edges} == {
        ("a", "x", "opaque", "because"),
        ("b", "x", "opaque", "because"),
    }


def test_a_run_that_raises_is_recorded_as_failed_and_leaves_no_half_file(people: Path, tmp_path: Path) -> None:
    runs: list[Run] = []
    (tmp_path / "out.parquet").write_bytes(b"as it was")
    with pytest.raises(pl.exceptions.InvalidOperationError), capturing("fails", why="w", record=runs.append) as capture:
        capture.write(capture.scan(people).with_columns(pl.col("name").cast(pl.Int64)), tmp_path / "out.parquet")
    assert (tmp_path / "out.parquet").read_bytes() == b"as it was"
    assert not list(tmp_path.glob(".*"))
    (run,) = runs
    assert (run.status, [v.name for v in run.inputs], run.outputs, run.edges) == ("failed", ["people"], (), ())


def test_bad_input_is_refused(people: Path, tmp_path: Path) -> None:
    with pytest.raises(LineageError, match="reason"), capturing("j", why=" ", record=print):
        pass
    with pytest.raises(DataMissing, match="nowhere"), capturing("j", why="w", record=lambda run: None) as capture:
        capture.scan(tmp_path / "nowhere.parquet")
    (tmp_path / "a.xyz").write_text("a")
    with pytest.raises(LineageError, match="'.xyz'"), capturing("j", why="w", record=lambda run: None) as capture:
        capture.scan(tmp_path / "a.xyz")
    with pytest.raises(LineageError, match="'.xyz'"), capturing("j", why="w", record=lambda run: None) as capture:
        capture.write(capture.scan(people), tmp_path / "b.xyz")


def test_a_source_that_cannot_be_told_is_no_silent_gap(people: Path, tmp_path: Path) -> None:
    PEOPLE.write_ipc(tmp_path / "p.arrow")
    with pytest.raises(LineageError, match="origin"), capturing("j", why="w", record=lambda run: None) as capture:
        capture.write(pl.scan_ipc(tmp_path / "p.arrow"), tmp_path / "out.parquet")


def test_what_is_captured_can_be_recorded(people: Path, tmp_path: Path) -> None:
    with Lineage.open(tmp_path / "lineage.db") as lineage:
        with capturing("clean", why="only adults", record=lineage.record, actor="ana") as capture:
            capture.write(capture.scan(people).filter(pl.col("age") > 17).select("age"), tmp_path / "a.parquet")
        assert lineage.verify().entries == 1
