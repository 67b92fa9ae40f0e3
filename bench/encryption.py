"""What encryption at rest costs: envelopes beside bare AES-GCM, and sealed Parquet beside plain Parquet.

    python bench/encryption.py --output bench/results/encryption.json

CPU time by ``time.process_time`` (all threads and the system), in turn within one process, ratios within a repetition.
``Of the least`` is the ratio of both sides' least times: what is left of the noise on a machine that others use, too.

- Envelope: sealing and unsealing 256 MiB, beside the `cryptography` library's AESGCM over the same bytes in one piece.
  To nowhere: from a file in the page cache to /dev/null, the library's own side with all its memory made before. Files:
  beside reading a file, AESGCM and writing a file with the same fsync, as one would write it by hand.
- Parquet: 5 million rows x 12 columns, written and read by pyarrow, five columns under two keys of their own and the
  others under a third, beside the same table in plain with the same fsync, with zstd and with snappy.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from casemate.controls.encryption import chunks, open_parquet, open_store, seal_file, seal_parquet, unseal_file

BYTES = 256 << 20
KEY = bytes(range(32))
NAMES = ("Ann", "Bob", "Cem", "Dina", "Eva", "Finn", "Gül", "Hans")
GROUPS = {"pii": ["name", "city", "person"], "health": ["diagnosis", "weight"]}

Work = Callable[[], Any]


def pair(ours: Work, plain: Work, repetitions: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {"ours": [], "plain": []}
    for repetition in range(repetitions + 1):
        works = [("ours", ours), ("plain", plain)]
        for name, work in works if repetition % 2 else reversed(works):
            start = time.process_time()
            work()
            if repetition:  # the first warms up
                taken[name].append(time.process_time() - start)
    ratios = [a / b - 1 for a, b in zip(taken["ours"], taken["plain"], strict=True)]
    return {
        "ours cpu s": statistics.median(taken["ours"]),
        "plain cpu s": statistics.median(taken["plain"]),
        "overhead": statistics.median(ratios),
        "overhead of the least": min(taken["ours"]) / min(taken["plain"]) - 1,
        "overhead, least": min(ratios),
        "overhead, most": max(ratios),
    }


def to_nowhere(folder: Path, repetitions: int) -> dict[str, dict[str, float]]:
    """The work on the bytes alone: from a file in the page cache to nowhere, the peer with all its room made before."""
    plain, sealed = folder / "plain", folder / "chunks"
    plain.write_bytes(os.urandom(BYTES))
    with plain.open("rb", buffering=0) as reading, sealed.open("wb") as writing:
        chunks.seal(KEY, reading, writing, chunks.CHUNK)
    cipher, nonce = AESGCM(KEY), bytes(12)
    room, into = bytearray(BYTES + 16), bytearray(BYTES + 16)
    whole = folder / "whole"
    whole.write_bytes(cipher.encrypt(nonce, plain.read_bytes(), None))

    def ours(work: Any, source: Path) -> None:
        with source.open("rb", buffering=0) as reading, Path(os.devnull).open("wb", buffering=0) as writing:
            work(KEY, reading, writing, chunks.CHUNK)

    def theirs(work: Any, source: Path, out: memoryview) -> None:
        size = source.stat().st_size
        with source.open("rb", buffering=0) as reading, Path(os.devnull).open("wb", buffering=0) as writing:
            assert reading.readinto(memoryview(room)[:size]) == size
            work(nonce, memoryview(room)[:size], None, out)
            writing.write(out)

    return {
        "seal 256 MiB, to nowhere": pair(
            lambda: ours(chunks.seal, plain),
            lambda: theirs(cipher.encrypt_into, plain, memoryview(into)),
            repetitions,
        ),
        "unseal 256 MiB, to nowhere": pair(
            lambda: ours(chunks.unseal, sealed),
            lambda: theirs(cipher.decrypt_into, whole, memoryview(into)[:BYTES]),
            repetitions,
        ),
    }


def on_disk(folder: Path, repetitions: int) -> dict[str, dict[str, float]]:
    store = open_store("file:keys", root=folder, passphrase=lambda: "correct horse")
    store.create("pii")
    (folder / "open").write_bytes(os.urandom(BYTES))
    cipher, nonce = AESGCM(KEY), bytes(12)

    def write(path: Path, raw: bytes) -> None:
        with path.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())

    def seal_by_hand() -> None:
        write(folder / "whole", cipher.encrypt(nonce, (folder / "open").read_bytes(), None))

    def unseal_by_hand() -> None:
        write(folder / "again", cipher.decrypt(nonce, (folder / "whole").read_bytes(), None))

    seal = pair(lambda: seal_file(folder / "open", folder / "sealed", store, "pii"), seal_by_hand, repetitions)
    unseal = pair(lambda: unseal_file(folder / "sealed", folder / "again", store), unseal_by_hand, repetitions)
    return {"seal 256 MiB, files": seal, "unseal 256 MiB, files": unseal}


def people(rows: int) -> pa.Table:
    """A table as there are many: words that come again and again, whole numbers, measurements, times."""
    rng = np.random.default_rng(0)
    names = pa.array([f"{a} {b}" for a in NAMES for b in range(2500)])
    words = pa.array([f"word {n}" for n in range(400)])
    return pa.table(
        {
            "person": rng.integers(0, 2**40, rows),
            "name": names.take(pa.array(rng.integers(0, len(names), rows))),
            "city": words.take(pa.array(rng.integers(0, 300, rows))),
            "age": rng.integers(0, 100, rows).astype(np.int16),
            "diagnosis": words.take(pa.array(rng.integers(0, 400, rows))),
            "weight": rng.normal(75, 12, rows).round(1),
            "income": rng.lognormal(10, 0.5, rows).round(2),
            "visits": rng.poisson(3, rows).astype(np.int32),
            "score": rng.random(rows),
            "seen": pa.array(rng.integers(17_000, 20_500, rows).astype(np.int32)).cast(pa.date32()),
            "active": rng.random(rows) < 0.7,
            "branch": words.take(pa.array(rng.integers(0, 40, rows))),
        }
    )


def parquet(folder: Path, table: pa.Table, compression: str, repetitions: int) -> dict[str, dict[str, float]]:
    store = open_store("file:keys", root=folder, passphrase=lambda: "correct horse")
    known = {key.name for key in store.list()} if (folder / "keys").exists() else set()
    for key in {*GROUPS, "rest"} - known:
        store.create(key)
    sealed, plain = folder / "sealed.parquet", folder / "plain.parquet"

    def write() -> None:
        pq.write_table(table, plain, compression=compression)
        with plain.open("rb") as written:
            os.fsync(written.fileno())

    def seal() -> None:
        seal_parquet(table, sealed, GROUPS, store, rest="rest", compression=compression)

    writing = pair(seal, write, repetitions)
    reading = pair(
        lambda: open_parquet(sealed, store), lambda: pl.from_arrow(pq.ParquetFile(plain).read()), repetitions
    )
    size = {"ours bytes": sealed.stat().st_size, "plain bytes": plain.stat().st_size}
    return {f"write {compression}": {**writing, **size}, f"read {compression}": reading}


def main() -> None:
    pa.set_cpu_count(1)  # on a crowded machine, threads that wait for each other are most of the noise
    pa.set_io_thread_count(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path, help="where files are written; a temporary one by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        results = to_nowhere(Path(name), given.repetitions)
        results |= on_disk(Path(name), given.repetitions)
        table = people(given.rows)
        for compression in ("zstd", "snappy"):
            results |= parquet(Path(name), table, compression, given.repetitions)
    print("| what | ours, CPU s | plain, CPU s | overhead (spread) | of the least |")
    print("|---|---|---|---|---|")
    for what, r in results.items():
        spread = f"{r['overhead']:+.1%} ({r['overhead, least']:+.1%} to {r['overhead, most']:+.1%})"
        cpu = f"{r['ours cpu s']:.3f} | {r['plain cpu s']:.3f}"
        print(f"| {what} | {cpu} | {spread} | {r['overhead of the least']:+.1%} |")
    if given.output:
        packages = {package: version(package) for package in ("cryptography", "numpy", "pyarrow")}
        machine = {"python": platform.python_version(), "machine": platform.machine(), **packages}
        record = {"rows": given.rows, "repetitions": given.repetitions, "versions": machine, "results": results}
        given.output.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
