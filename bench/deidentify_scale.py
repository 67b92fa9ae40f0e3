"""De-identification end to end, per engine: read, blur, put in random order, measure, write; CPU time and peak memory.

    python bench/deidentify_scale.py --output bench/results/deidentify_scale.json
    python bench/deidentify_scale.py --rows 100000000 --engines disk --folder /somewhere/large

The table has 8 quasi-identifiers, one sensitive column, an identifier and an income; k is 5. Each run is a process of
its own, so that its peak is its own: ``ru_maxrss``, in which pages of files that are mapped count too. CPU time is that
of the process with all its threads (``time.process_time``), and of its children for Ray. The attacks of the gate are
not part of it: they see at most 100,000 rows whatever the table, and cost the same. The same rows come out of every
engine: the digests of the files are compared.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import resource
import shutil
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

CHUNK = 1_000_000
QUASI = ("age", "sex", "postcode", "education", "marital", "occupation", "hours", "birth_country")


def population(path: Path, rows: int) -> None:
    """Write a made-up population, a million people at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def words(rng: np.random.Generator, n: int, names: list[str], p: list[float] | None = None) -> pa.Array:
        codes = pa.array(rng.choice(len(names), n, p=p).astype(np.int8))
        return pa.DictionaryArray.from_arrays(codes, pa.array(names)).cast(pa.string())

    writer = None
    for start in range(0, rows, CHUNK):
        n, rng = min(CHUNK, rows - start), np.random.default_rng([0, start])
        table = pa.table(
            {
                "person": pa.array(np.arange(start, start + n)),
                "age": pa.array(np.clip(rng.normal(45, 18, n), 0, 99).astype(np.int16)),
                "sex": words(rng, n, ["female", "male", "other"], [0.495, 0.495, 0.01]),
                "postcode": pa.array((rng.zipf(1.3, n) % 9000 + 1000).astype(np.int32)),
                "education": words(rng, n, [f"level {i}" for i in range(16)]),
                "marital": words(rng, n, ["single", "married", "divorced", "widowed", "separated", "partnered", "?"]),
                "occupation": words(rng, n, [f"occupation {i:02d}" for i in range(60)]),
                "hours": pa.array(rng.integers(0, 99, n).astype(np.int16)),
                "birth_country": words(rng, n, [f"country {i:02d}" for i in range(90)]),
                "diagnosis": words(rng, n, [f"diagnosis {i}" for i in range(20)]),
                "income": pa.array(rng.lognormal(10, 0.6, n).round(-2)),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    assert writer is not None
    writer.close()


def run(engine: str, table: Path, output: Path, memory: str, answer: object) -> None:
    """Release a table, in a process of its own."""
    from casemate.controls.deidentification import scratch
    from casemate.controls.deidentification.engines import carry_out
    from casemate.controls.deidentification.sink import Sink
    from casemate.controls.deidentification.source import open_source
    from casemate.controls.deidentification.witness import Witness
    from casemate.controls.deidentification.work import Work
    from casemate.controls.privacy.mondrian import Mondrian
    from casemate.core.digests import file_digest

    began, steps = time.perf_counter(), {}
    last = ["", 0.0, 0.0]

    def watch(step: str, *_: int) -> None:
        now = time.process_time()
        if step != last[0]:
            if last[0]:
                steps[last[0]] = steps.get(last[0], 0.0) + now - float(last[1])
            last[0], last[1] = step, now
            print(f"    {step}: {time.perf_counter() - began:.0f} s", flush=True)

    source = open_source(table)
    roles = dict.fromkeys(QUASI, "quasi-identifier") | {"diagnosis": "sensitive", "income": "feature"}
    columns = tuple(name for name in source.columns if name != "person")
    work = Work(columns, roles, columns, (), Mondrian(k=5), 1, 2)  # type: ignore[arg-type]
    with scratch.folder(output) as folder, Sink(output) as sink:
        witness = Witness(source.rows, QUASI, ("diagnosis",), folder)

        def write(frame: object, _: object) -> None:
            witness.see(frame)  # type: ignore[arg-type]
            sink.write(frame)  # type: ignore[arg-type]

        done = carry_out(engine, source, work, write, watch, scratch=folder, memory=memory)  # type: ignore[arg-type]
        watch("measuring", 0, 0)
        sink.finish()
        measured, losses = witness.anonymity(), witness.losses(done.meanings, done.suppressed)
        watch("end", 0, 0)
        sink.publish()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert measured is not None
    answer.put(  # type: ignore[attr-defined]
        {
            "cpu": time.process_time() + children.ru_utime + children.ru_stime,
            "wall": time.perf_counter() - began,
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "steps": steps,
            "k": measured.k,
            "groups": measured.groups,
            "lost": losses.mean,
            "digest": file_digest(output),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--engines", nargs="+", default=["memory", "disk"])
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    record: dict[str, object] = {
        "versions": {"python": platform.python_version(), "machine": platform.machine()}
        | {package: version(package) for package in ("numpy", "polars", "pyarrow", "numba")},
        "runs": [],
    }
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    print("| rows | engine | CPU s | rows/CPU s | peak GB | k | groups | detail lost |")
    print("|---|---|---|---|---|---|---|---|")
    try:
        for rows in given.rows:
            table = folder / f"{rows}.parquet"
            population(table, rows)
            digests = set()
            for engine in given.engines:
                answer: multiprocessing.Queue[dict[str, object]] = multiprocessing.get_context("spawn").Queue()
                process = multiprocessing.get_context("spawn").Process(
                    target=run, args=(engine, table, folder / "out.parquet", given.memory, answer)
                )
                process.start()
                found = answer.get()
                process.join()
                digests.add(found["digest"])
                record["runs"].append({"rows": rows, "engine": engine, **found})  # type: ignore[attr-defined]
                print(
                    f"| {rows:,} | {engine} | {found['cpu']:.1f} | {rows / float(found['cpu']):,.0f} "  # type: ignore[arg-type]
                    f"| {float(found['peak']) / 1e9:.2f} | {found['k']} | {found['groups']:,} | {found['lost']:.3f} |",  # type: ignore[arg-type]
                    flush=True,
                )
            assert len(digests) == 1, "the engines wrote different files"
            table.unlink()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.output:
        given.output.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
