"""What pseudonyms cost: FF1 beside the ff3 library, keyed hashes of a column beside one value at a time, AES-SIV.

    pip install ff3==1.0.2 pycryptodome
    python bench/pseudonyms.py --output bench/results/pseudonyms.json

Three pairs, each measured in turn within one process, CPU time by ``time.process_time``; ratios within a repetition:

- FF1 of a column of 16 different digits each (polars in, polars out, text handling included) beside the ff3 library's
  `FF3Cipher.encrypt` in a loop (it knows FF3-1 only, which NIST withdrew; eight rounds to our ten), on fewer rows.
- HMAC-SHA256 of a column with 2,500 different values, which we hash once each, beside Python's ``hmac.new(...)`` for
  every row; and the same on a column whose values are all different, where there is nothing to save.
- AES-SIV of a column of different values beside the library's own `AESSIV.encrypt` in a loop.

The pseudonyms of both sides are compared wherever both compute the same thing.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from casemate.controls.pseudonyms import pseudonymiser

KEY = bytes(range(64))
LOW = 2500

Work = Callable[[], Any]


def cpu(work: Work) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def pair(ours: Work, rows: int, peer: Work, peer_rows: int, repetitions: int) -> dict[str, float]:
    mine, theirs = [], []
    for repetition in range(repetitions + 1):
        works = [(ours, rows, mine), (peer, peer_rows, theirs)]
        for work, count, taken in works if repetition % 2 else reversed(works):
            seconds, _ = cpu(work)
            if repetition:  # the first warms up
                taken.append(seconds / count * 1e9)
    ratios = [b / a for a, b in zip(mine, theirs, strict=True)]
    return {
        "ours ns per value": statistics.median(mine),
        "peer ns per value": statistics.median(theirs),
        "times faster": statistics.median(ratios),
        "times faster, least": min(ratios),
        "times faster, most": max(ratios),
    }


def ff1(rows: int, peer_rows: int, repetitions: int) -> dict[str, float]:
    from ff3 import FF3Cipher

    cards = pl.Series("card", np.random.default_rng(0).integers(10**15, 10**16, rows)).cast(pl.String)
    cipher = pseudonymiser("ff1", KEY[:32])
    peer = FF3Cipher(KEY[:32].hex(), "D8E7920AFA330A")
    texts = cards[:peer_rows].to_list()
    assert cipher.reverse(cipher.apply(cards[:1000])).equals(cards[:1000])
    return pair(
        lambda: cipher.apply(cards), rows, lambda: [peer.encrypt(text) for text in texts], peer_rows, repetitions
    )


def hashes(rows: int, peer_rows: int, distinct: int, repetitions: int) -> dict[str, float]:
    values = pl.Series("id", np.random.default_rng(1).integers(0, distinct, rows)).cast(pl.String)
    some = values[:peer_rows]
    ours = pseudonymiser("hmac", KEY[:32])

    def one_by_one() -> pl.Series:
        made = [hmac.new(KEY[:32], text.encode(), hashlib.sha256).hexdigest()[:32] for text in some.to_list()]
        return pl.Series("id", made)

    assert ours.apply(some).equals(one_by_one())
    return pair(lambda: ours.apply(values), rows, one_by_one, peer_rows, repetitions)


def siv(rows: int, repetitions: int) -> dict[str, float]:
    values = pl.Series("id", np.random.default_rng(2).integers(0, 10**12, rows)).cast(pl.String)
    ours, cipher = pseudonymiser("aes-siv", KEY), AESSIV(KEY)

    def one_by_one() -> pl.Series:
        return pl.Series([cipher.encrypt(text.encode().ljust(16, b"\0"), None).hex() for text in values.to_list()])

    assert ours.reverse(ours.apply(values[:1000])).equals(values[:1000])
    return pair(lambda: ours.apply(values), rows, one_by_one, rows, repetitions)


def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in ("cryptography", "numpy", "polars", "pyarrow", "ff3", "pycryptodome"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--rows", type=int, default=2_000_000)
    given = parser.parse_args()
    n, times = given.rows, given.repetitions
    results = {
        "FF1 of 16 digits, beside ff3": ff1(n // 2, n // 200, times),
        f"HMAC, {LOW:,} different values in {5 * n:,} rows, beside per value": hashes(5 * n, n // 10, LOW, times),
        "HMAC, all values different, beside per value": hashes(n // 5, n // 5, 10**12, times),
        "AES-SIV, all values different, beside per value": siv(n // 5, times),
    }
    print("| what | ours, ns/value | peer, ns/value | times faster (spread) |")
    print("|---|---|---|---|")
    for what, r in results.items():
        spread = f"{r['times faster']:.1f} ({r['times faster, least']:.1f}-{r['times faster, most']:.1f})"
        print(f"| {what} | {r['ours ns per value']:.0f} | {r['peer ns per value']:,.0f} | {spread} |")
    if given.output:
        record = {"rows": n, "repetitions": times, "versions": versions(), "results": results}
        given.output.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
