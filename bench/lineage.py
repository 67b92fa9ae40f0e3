"""Lineage: how fast it is recorded and followed, and how completely people are found and erased.

    python bench/lineage.py --output bench/results/lineage.json

Made-up data: 22,000 data sets of 10 columns in 12 layers; each has 4 inputs among those before it and 5 edges into
every column: a good 1,000,000 column edges between 220,000 columns in 22,000 runs (``--datasets`` scales it).

- Ingest: `Lineage.record_all` (versions, columns, runs, edges with reasons, hashed and chained, into SQLite), against
  what anybody would write by hand: bare edge rows by ``executemany`` with the two indexes that a query needs, and the
  same rows without any index. In turn, CPU time. "Wide" is ours for a tenth as many data sets of 100 columns each.
- Blast radius and provenance: every root among 300 drawn columns, in memory, against SQLite's recursive query over the
  bare table on the worst of them; the counts must agree.
- People: 20 versions of 2,000,000 rows each; tokens built, then 2,000 lookups over all 20, half of them of people who
  are there, against DuckDB over Parquet files of the ids.
- Erasure: 5 people from 6 versions (CSV and Parquet, with and without the id) of 20,000 rows; recall is the share of
  their rows that is gone, and every file below the folder is searched for their ids.

CPU time is ``time.process_time``; a busy machine makes it longer, not shorter.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version as installed
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from casemate.core.digests import file_digest
from casemate.core.provenance import ColumnEdge, DatasetVersion, Run
from casemate.lineage import Lineage
from casemate.lineage.erasure.erase import erase
from casemate.lineage.erasure.plan import plan
from casemate.lineage.trace import search

WORK = ("identity", "pseudonym:hmac-sha256", "generalise:mondrian", "round", "clip")
NOW = datetime.datetime.now(datetime.UTC)


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def edges(datasets: int, width: int = 10, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Sources and targets as column numbers, by target."""
    rng = np.random.default_rng(seed)
    layer = np.sort(rng.integers(0, 12, datasets))
    low = np.searchsorted(layer, layer)
    inputs = low[:, None] - 1 - (rng.random((datasets, 4)) * np.minimum(low, 400)[:, None]).astype(int)
    target = np.repeat(np.arange(datasets * width), 5)
    kept = low[target // width] > 0
    source = inputs[target // width, rng.integers(0, 4, len(target))] * width + rng.integers(0, width, len(target))
    return source[kept], target[kept]


def runs(source: np.ndarray, target: np.ndarray, datasets: int, width: int = 10) -> list[Run]:
    names = tuple(f"c{i}" for i in range(width))
    versions = [DatasetVersion(f"set.{i}", f"{i:064x}", f"/data/{i}.parquet", 1000, names) for i in range(datasets)]
    bounds = np.searchsorted(target // width, np.arange(datasets + 1))
    made = []
    for number, (start, end) in enumerate(pairwise(bounds)):
        pairs = zip(source[start:end].tolist(), target[start:end].tolist(), strict=True)
        found = tuple(
            ColumnEdge(
                names[a % width], names[b % width], WORK[k % 5], "made up", source_dataset=versions[a // width].name
            )
            for k, (a, b) in enumerate(pairs)
        )
        inputs = tuple(versions[i] for i in dict.fromkeys((source[start:end] // width).tolist()))
        made.append(Run("etl", "bench", NOW, NOW, inputs, (versions[number],), found))
    return made


def by_hand(path: Path, source: list[int], target: list[int], *, indexed: bool) -> None:
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE edge (src INT, dst INT, run INT, kind INT, why TEXT)")
        rows = zip(
            source, target, (t // 10 for t in target), (t % 5 for t in target), ["made up"] * len(source), strict=True
        )
        connection.executemany("INSERT INTO edge VALUES (?, ?, ?, ?, ?)", rows)
        if indexed:
            connection.execute("CREATE INDEX forward ON edge (src, dst)")
            connection.execute("CREATE INDEX back ON edge (dst, src)")
    connection.close()


def ingest(folder: Path, source: np.ndarray, target: np.ndarray, datasets: int, repetitions: int) -> dict[str, float]:
    made = runs(source, target, datasets)
    few = datasets // 10
    wide = runs(*edges(few, 100), few, 100)
    froms, tos = source.tolist(), target.tolist()
    seconds: dict[str, list[float]] = {"ours": [], "ours, wide": [], "bare": [], "indexed": []}
    for repetition in range(repetitions):
        for path in folder.glob("ours.db*"):
            path.unlink()
        with Lineage.open(folder / "ours.db") as lineage:
            seconds["ours"].append(cpu(lambda: lineage.record_all(made)))
            if repetition == repetitions - 1:
                seconds["verify"] = [cpu(lineage.verify)]
        seconds["bare"].append(cpu(lambda: by_hand(folder / "bare.db", froms, tos, indexed=False)))
        for path in folder.glob("wide.db*"):
            path.unlink()
        with Lineage.open(folder / "wide.db") as lineage:
            seconds["ours, wide"].append(cpu(lambda: lineage.record_all(wide)))
        seconds["indexed"].append(cpu(lambda: by_hand(folder / "hand.db", froms, tos, indexed=True)))
    rate = {f"{who} edges/s": len(source) / statistics.median(taken) for who, taken in seconds.items()}
    rate["ours, wide edges/s"] *= sum(len(run.edges) for run in wide) / len(source)
    rate["ours edges/s, best"] = len(source) / min(seconds["ours"])
    ratios = [a / b for a, b in zip(seconds["ours"], seconds["indexed"], strict=True)]
    return rate | {"edges": len(source), "ours over indexed": statistics.median(ratios)}


def follow(folder: Path, datasets: int) -> dict[str, float]:
    found: dict[str, float] = {}
    with Lineage.open(folder / "ours.db") as lineage:
        found["web s"] = cpu(lambda: (lineage.web._downstream, lineage.web._upstream))
        web = lineage.web
        columns = np.flatnonzero(web.kinds == 1)
        connection = sqlite3.connect(folder / "hand.db")
        rng = np.random.default_rng(1)
        ends = {"downstream": columns[: datasets * 10 // 12], "upstream": columns[-datasets * 10 // 12 :]}
        for direction, among in ends.items():
            taken, touched, at = [], [], rng.choice(len(among), 300, replace=False)
            for place in at:
                start = time.process_time()
                reach = search(web, [int(among[place])], direction)  # type: ignore[arg-type]
                many = len(reach.columns), len(reach.of("dataset")), len(reach.of("model"))
                taken.append(time.process_time() - start)
                touched.append(many[0])
            worst = int(np.argmax(touched))
            number = int(np.searchsorted(columns, among[at[worst]]))
            peer: list[int] = []
            one, other = ("src", "dst") if direction == "downstream" else ("dst", "src")
            query = (
                f"WITH RECURSIVE r(n) AS (SELECT ? UNION SELECT e.{other} FROM edge e JOIN r ON e.{one} = r.n) "
                "SELECT count(*) FROM r"
            )
            spent = cpu(lambda: peer.append(connection.execute(query, (number,)).fetchone()[0]))  # noqa: B023
            assert peer[0] - 1 == max(touched), (peer, max(touched))
            again = [cpu(lambda: search(web, [int(among[at[worst]])], direction).columns) for _ in range(20)]  # noqa: B023
            found |= {
                f"{direction} median ms": statistics.median(taken) * 1e3,
                f"{direction} p99 ms": float(np.quantile(taken, 0.99)) * 1e3,
                f"{direction} worst root ms": statistics.median(again) * 1e3,
                f"{direction} worst columns": max(touched),
                f"{direction} SQLite ms": spent * 1e3,
            }
        connection.close()
    return found


def people(folder: Path, versions: int, rows: int) -> dict[str, float]:
    rng = np.random.default_rng(2)
    built = 0.0
    known: list[str] = []
    with Lineage.open(folder / "people.db") as lineage:
        for number in range(versions):
            ids = pl.Series("id", rng.integers(0, 10**9, rows))
            known += [str(i) for i in ids[: 1000 // versions].to_list()]
            ids.to_frame().write_parquet(folder / f"ids-{number}.parquet")
            data = DatasetVersion(f"set.{number}", f"{number:064x}", "", rows, ("id",))
            lineage.record(Run("load", "bench", NOW, NOW, (), (data,)))
            built += cpu(lambda: lineage.index(number_of(lineage, f"set.{number}"), ids, actor="bench"))  # noqa: B023
        opened = cpu(lineage.subjects.refresh)
        asked = [*known, *(str(-i) for i in range(1, len(known) + 1))]
        held: list[list[int]] = []
        spent = cpu(lambda: held.extend(lineage.subjects.holders(one) for one in asked))
    connection = duckdb.connect()
    query = f"SELECT count(*) FROM read_parquet('{folder}/ids-*.parquet', filename = true) WHERE id = ?"
    peer = statistics.median(cpu(lambda: connection.execute(query, [int(one)]).fetchone()) for one in asked[:10])  # noqa: B023
    assert all(held[: len(known)])
    return {
        "tokens M rows/s": versions * rows / built / 1e6,
        "open s": opened,
        "lookup us": spent / len(asked) * 1e6,
        "DuckDB us": peer * 1e6,
    }


def number_of(lineage: Lineage, name: str) -> int:
    return lineage.find(name)[-1].number


def erasure(folder: Path, rows: int = 20_000) -> dict[str, float]:
    rng = np.random.default_rng(3)
    home = folder / "erasure"
    home.mkdir()
    ids = [f"person-{i:08d}" for i in rng.integers(0, rows // 3, rows)]
    table = pl.DataFrame({"who": ids, "x": rng.normal(size=rows), "y": np.arange(rows)})
    expected: dict[str, list[int]] = {}
    with Lineage.open(home / "lineage.db") as lineage:
        for number in range(6):
            mixed = table.sample(fraction=1, shuffle=True, seed=number)
            kept = mixed if number % 3 else mixed.drop("who")
            path = home / f"{number}.{'csv' if number % 2 else 'parquet'}"
            kept.write_csv(path) if number % 2 else kept.write_parquet(path)
            data = DatasetVersion(f"set.{number}", file_digest(path), str(path), rows, tuple(kept.columns))
            lineage.record(
                Run("load", "bench", NOW, NOW, (), (data,)),
                subjects={data.name: mixed["who"].alias("who" if number % 3 else "")},
            )
        gone = sorted(set(ids))[:: len(set(ids)) // 5][:5]
        for one in gone:
            expected[one] = table.filter(pl.col("who") == one)["y"].to_list()
        spent = cpu(lambda: [erase(lineage, plan(lineage, one), one, actor="bench", reason="bench") for one in gone])
        lineage.verify()
    wanted = sum(map(len, expected.values())) * 6
    left = extra = 0
    for number in range(6):
        path = home / f"{number}.{'csv' if number % 2 else 'parquet'}"
        found = set((pl.read_csv(path) if number % 2 else pl.read_parquet(path))["y"].to_list())
        left += sum(y in found for some in expected.values() for y in some)
        extra += (
            rows
            - sum(map(len, expected.values()))
            - len(found)
            + sum(y in found for some in expected.values() for y in some)
        )
    files = [path for path in home.rglob("*") if path.is_file()]
    hits = sum(one.encode() in path.read_bytes() for path in files for one in gone)
    return {
        "recall": 1 - left / wanted,
        "rows of others lost": extra,
        "bytes searched": sum(path.stat().st_size for path in files),
        "hits": hits,
        "s per person": spent / len(gone),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--datasets", type=int, default=22_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--versions", type=int, default=20)
    parser.add_argument("--rows", type=int, default=2_000_000)
    given = parser.parse_args()
    source, target = edges(given.datasets)
    record: dict[str, object] = {
        "versions": {
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "machine": platform.machine(),
        }
        | {package: installed(package) for package in ("numpy", "sqlalchemy", "polars", "duckdb")}
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record["ingest"] = ingest(folder, source, target, given.datasets, given.repetitions)
        record["follow"] = follow(folder, given.datasets)
        record["people"] = people(folder, given.versions, given.rows)
        record["erasure"] = erasure(folder)
    print("| part | figure | value |\n|---|---|---|")
    for part, figures in record.items():
        if part != "versions":
            for figure, value in figures.items():  # type: ignore[attr-defined]
                print(f"| {part} | {figure} | {value:,.4g} |")
    if given.output:
        given.output.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
