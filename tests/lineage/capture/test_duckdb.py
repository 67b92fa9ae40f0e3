from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.lineage.capture.duckdb_query import read_query
from casemate.lineage.capture.flow import Frame

ALL = ("id", "age", "city", "pay", "s", "l")


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE p (id INT, age INT, city VARCHAR, pay DOUBLE, s STRUCT(a INT, b INT), l INT[])"
        )
        connection.execute("CREATE TABLE q (id INT, score DOUBLE)")
        connection.execute("CREATE VIEW v (x, y) AS SELECT id, age + 1 AS older FROM p WHERE pay > 0")
        connection.execute("CREATE MACRO plus(a) AS a + 1")
        connection.create_function("scored", lambda value: value, ["INTEGER"], "INTEGER")  # type: ignore[list-item, arg-type]
        yield connection


def edges(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, set[str]]:
    """For every column of the result what it owes: the kind's first letter, a colon, and table.column."""

    def resolve(kind: str, told: Any, names: Any) -> Frame:
        return Frame({}) if kind == "unknown" else Frame.source(Path(str(told).strip("[]'\"")).name, names)

    frame = read_query(con, sql, resolve)
    return {
        name: {f"{kind[0]}:{key}.{column}" for kind, (key, column), _ in owes.edges()}
        for name, owes in frame.complete().items()
    }


def said(text: str) -> set[str]:
    return set(text.split())


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT id FROM p", {"id": "d:p.id"}),
        ("SELECT age + pay AS x FROM p", {"x": "d:p.age d:p.pay"}),
        ("SELECT id FROM p WHERE age > 3 ORDER BY pay LIMIT 2", {"id": "d:p.id i:p.age i:p.pay"}),
        ("SELECT p.id FROM p JOIN q ON p.id = q.id", {"id": "d:p.id i:p.id i:q.id"}),
        ("SELECT id, score FROM p JOIN q USING (id)", None),
        ("SELECT city, sum(pay) AS s FROM p GROUP BY city", {"city": "d:p.city i:p.city", "s": "d:p.pay i:p.city"}),
        ("SELECT city, sum(pay) AS s FROM p GROUP BY 1", {"city": "d:p.city i:p.city", "s": "d:p.pay i:p.city"}),
        ("SELECT city AS c, max(pay) AS s FROM p GROUP BY ALL", None),
        ("SELECT * EXCLUDE (s, l, pay, city) FROM p", {"id": "d:p.id", "age": "d:p.age"}),
        ("SELECT * REPLACE (age + id AS age) FROM (SELECT id, age FROM p)", {"id": "d:p.id", "age": "d:p.age d:p.id"}),
        ("SELECT * RENAME (score AS k) FROM q", {"id": "d:q.id", "k": "d:q.score"}),
        ("SELECT t.* FROM p, q AS t", {"id": "d:q.id", "score": "d:q.score"}),
        ("WITH t AS (SELECT age AS a FROM p WHERE pay > 1) SELECT a FROM t", {"a": "d:p.age i:p.pay"}),
        ("WITH t(z) AS (SELECT age FROM p) SELECT z FROM t", {"z": "d:p.age"}),
        ("SELECT y FROM v", {"y": "d:p.age i:p.pay"}),
        ("SELECT x FROM (SELECT id AS x, age FROM p) AS t WHERE t.age > 1", {"x": "d:p.id i:p.age"}),
        ("SELECT (SELECT max(score) FROM q WHERE q.id = p.id) AS m FROM p", {"m": "d:q.score i:q.id i:p.id"}),
        ("SELECT id FROM p WHERE age IN (SELECT id FROM q)", {"id": "d:p.id i:p.age i:q.id"}),
        ("SELECT id FROM p WHERE EXISTS (SELECT 1 FROM q WHERE q.id = p.age)", {"id": "d:p.id i:p.age i:q.id"}),
        ("SELECT row_number() OVER (PARTITION BY city ORDER BY pay) AS r FROM p", {"r": "i:p.city i:p.pay"}),
        ("SELECT sum(pay) OVER (PARTITION BY city) AS r FROM p", {"r": "d:p.pay i:p.city"}),
        ("SELECT sum(pay) FILTER (WHERE age > 1) AS r FROM p", {"r": "d:p.pay i:p.age"}),
        ("SELECT string_agg(city, ',' ORDER BY age) AS r FROM p", {"r": "d:p.city i:p.age"}),
        ("SELECT age FROM p QUALIFY row_number() OVER (ORDER BY pay) = 1", {"age": "d:p.age i:p.pay"}),
        ("SELECT CASE WHEN age > 1 THEN city ELSE 'x' END AS z FROM p", {"z": "d:p.city i:p.age"}),
        ("SELECT DISTINCT city FROM p", {"city": "d:p.city i:p.city"}),
        ("SELECT DISTINCT ON (city) id FROM p", {"id": "d:p.id i:p.city"}),
        ("SELECT id FROM p UNION ALL SELECT id FROM q", {"id": "d:p.id d:q.id"}),
        ("SELECT id FROM p EXCEPT SELECT id FROM q", {"id": "d:p.id i:p.id i:q.id"}),
        ("SELECT id FROM q UNION ALL BY NAME SELECT score FROM q", {"id": "d:q.id", "score": "d:q.score"}),
        ("SELECT count(*) AS n FROM q", {"n": "i:q.id i:q.score"}),
        ("SELECT s.a AS z FROM p", {"z": "d:p.s"}),
        ("SELECT list_transform(l, lambda k: k + age) AS z FROM p", {"z": "d:p.l d:p.age"}),
        ("SELECT unnest(l) AS z FROM p", {"z": "d:p.l"}),
        ("SELECT u.z FROM p, unnest(l) AS u(z)", {"z": "d:p.l i:p.l"}),
        ("SELECT k FROM q, LATERAL (SELECT p.age + q.id AS k FROM p)", {"k": "d:p.age d:q.id"}),
        ("SELECT a FROM (VALUES (1), (2)) AS t(a)", {"a": ""}),
        ("SELECT age AS a, a + 1 AS b FROM p WHERE b > 1", {"a": "d:p.age i:p.age", "b": "d:p.age i:p.age"}),
        ("SELECT id FROM p SEMI JOIN q ON p.age = q.id", {"id": "d:p.id i:p.age i:q.id"}),
        ("FROM p SELECT upper(city) AS c", {"c": "d:p.city"}),
        ("SELECT a.id FROM p AS a JOIN p AS b ON a.id = b.age", {"id": "d:p.id i:p.id i:p.age"}),
        ("SELECT scored(age) AS z FROM p", {"z": "o:p.age"}),
        (
            "WITH RECURSIVE r AS (SELECT id AS n FROM p UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT n FROM r",
            {"n": "d:p.id i:p.id"},
        ),
    ],
)
def test_what_columns_owe(con: duckdb.DuckDBPyConnection, sql: str, expected: dict[str, str] | None) -> None:
    found = edges(con, sql)
    if "USING" in sql:
        assert found["id"] == said("d:p.id d:q.id i:p.id i:q.id")
        assert found["score"] == said("d:q.score i:p.id i:q.id")
    elif "ALL" in sql and expected is None:
        assert {"d:p.city", "i:p.city"} <= found["c"]
        assert {"d:p.pay", "i:p.city"} <= found["s"]
    else:
        assert found == {name: said(owed) for name, owed in (expected or {}).items()}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT min(COLUMNS(*)) FROM p",
        "SELECT plus(age) AS z FROM p",
        "SUMMARIZE p",
        "SELECT * FROM (PIVOT p ON city IN ('a') USING sum(pay))",
    ],
)
def test_what_is_not_understood_is_opaque_from_every_table(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert all(owed == {f"o:p.{name}" for name in ALL} for owed in edges(con, sql).values())


def test_files_are_sources(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for name, options in (("q.parquet", "FORMAT parquet"), ("q.csv", "FORMAT csv, HEADER")):
        con.execute(f"COPY (SELECT 1 AS id, 2.0 AS score) TO '{tmp_path / name}' ({options})")
        assert edges(con, f"SELECT score FROM '{tmp_path / name}'") == {"score": {f"d:{name}.score"}}
    several = f"SELECT b FROM read_parquet(['{tmp_path / 'q.parquet'}']) AS t(a, b)"
    assert edges(con, several) == {"b": {"d:q.parquet.score"}}


def test_a_table_of_a_name_that_several_schemas_have_is_not_guessed() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (a INT); CREATE SCHEMA s; CREATE VIEW s.t AS SELECT 1 AS a")
        assert edges(connection, "SELECT a FROM main.t") == {"a": {'d:main"."t.a'}}
        assert edges(connection, "SELECT a FROM t")["a"] <= {"o:t.a"}


def test_a_view_over_itself_under_another_name_ends() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (a INT); CREATE VIEW u AS SELECT a FROM t; CREATE VIEW w AS SELECT a FROM u")
        assert edges(connection, "SELECT a FROM w") == {"a": {"d:t.a"}}


def test_two_columns_of_one_name_stay_two(con: duckdb.DuckDBPyConnection) -> None:
    found = edges(con, "SELECT p.id, q.id FROM p, q")
    assert found == {"id": {"d:p.id"}, "id_1": {"d:q.id"}}


def test_a_wrong_query_is_duckdbs_own_error(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match="nothing"):
        edges(con, "SELECT nothing FROM p")


# Soundness: a column that a change of an input can change owes that input, directly, indirectly or opaquely.

CON = duckdb.connect()
QUERIES = [
    "SELECT a + c AS a, b, c FROM {t}",
    "SELECT a, b, CASE WHEN a > c THEN a ELSE c END AS c FROM {t}",
    "SELECT a, b, c FROM {t} WHERE a > 1",
    "SELECT sum(a) AS a, b, max(c) AS c FROM {t} GROUP BY b ORDER BY b",
    "SELECT count(*) AS a, b, min(c) AS c FROM {t} GROUP BY ALL ORDER BY ALL",
    "SELECT a, b, row_number() OVER (PARTITION BY b ORDER BY c, a) AS c FROM {t}",
    "SELECT DISTINCT a, b, 0 AS c FROM {t} ORDER BY ALL",
    "SELECT x.a, y.b, y.c FROM {t} AS x JOIN {t} AS y ON x.a = y.c ORDER BY ALL",
    "SELECT a, b, c FROM {t} WHERE a IN (SELECT c FROM {t}) ORDER BY ALL",
    "SELECT a, b, (SELECT max(i.c) FROM {t} AS i WHERE i.b = o.b) AS c FROM {t} AS o ORDER BY ALL",
    "SELECT * REPLACE (c AS a) FROM {t} ORDER BY ALL",
    "SELECT a, b, c FROM {t} EXCEPT SELECT c, b, a FROM {t} ORDER BY ALL",
    "SELECT unnest([a, c]) AS a, b, c FROM {t} ORDER BY ALL",
    "SELECT a, b, c FROM {t} ORDER BY c, a, b LIMIT 2",
    "SELECT len(list_filter([a, c], lambda v: v > 1)) AS a, b, c FROM {t}",
    "SELECT a, b, c FROM {t} QUALIFY rank() OVER (ORDER BY c, a, b) < 3",
]


@given(
    st.lists(st.sampled_from(QUERIES), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from("xyz"), st.integers(0, 4)), min_size=3, max_size=6),
    st.sampled_from(["a", "b", "c"]),
    st.data(),
)
@settings(max_examples=30, deadline=None)
def test_what_a_change_of_an_input_can_change_owes_it(
    steps: list[str], table: list[tuple[int, str, int]], changed: str, data: st.DataObject
) -> None:
    sql = "t"
    for step in steps:
        sql = f"({step.format(t=sql)})"
    row = data.draw(st.integers(0, len(table) - 1))
    new = data.draw(st.sampled_from("xyzw") if changed == "b" else st.integers(0, 9))
    other = [list(values) for values in table]
    other[row]["abc".index(changed)] = new
    found = []
    for rows in (table, other):
        CON.execute("CREATE OR REPLACE TABLE t (a INT, b VARCHAR, c INT)")
        CON.executemany("INSERT INTO t VALUES (?, ?, ?)", [list(values) for values in rows])
        found.append(list(zip(*CON.execute(sql).fetchall(), strict=True)))
    owed = edges(CON, sql)
    before, after = (some or [()] * len(owed) for some in found)
    for i, name in enumerate(owed):
        if sorted(before[i], key=repr) != sorted(after[i], key=repr):  # the order of rows means nothing in SQL
            assert changed in {edge.rpartition(".")[2] for edge in owed[name]}, (name, sql)
