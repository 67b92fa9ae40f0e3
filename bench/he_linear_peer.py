"""TenSEAL's part of `he_linear.py`: run by the Python that has it; prints JSON. One thread, CPU time.

    .venv-tenseal/bin/python bench/he_linear_peer.py MODELS.npz REPETITIONS

Chains are wide enough that TenSEAL's scales are right: it takes every prime for a power of two, and with the 21-bit
primes of its documentation answers come out 17 % too large.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tenseal as ts

BITS = [40, 29, 40]
DEGREE = 4096


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    made = work()
    return 1e3 * (time.process_time() - start), made


def context() -> Any:
    made = ts.context(ts.SCHEME_TYPE.CKKS, DEGREE, coeff_mod_bit_sizes=BITS, n_threads=1)
    made.global_scale = 2 ** BITS[1]
    made.generate_galois_keys()
    return made


def single(weights: np.ndarray, bias: np.ndarray, rows: np.ndarray, repetitions: int) -> dict[str, Any]:
    """One row at a time: `dot` for one output, `mm` for several."""
    making, held = cpu(context)
    told: dict[str, list[float]] = {"encrypt ms": [], "evaluate ms": [], "decrypt ms": [], "largest error": []}
    plain, last = weights.T.tolist(), bias.tolist()
    for row in rows[:repetitions]:
        taken, query = cpu(lambda row=row: ts.ckks_vector(held, row.tolist()))
        told["encrypt ms"].append(taken)
        if len(weights) == 1:
            taken, reply = cpu(lambda query=query: query.dot(weights[0].tolist()) + last)
        else:
            taken, reply = cpu(lambda query=query: query.mm(plain) + last)
        told["evaluate ms"].append(taken)
        taken, found = cpu(reply.decrypt)
        told["decrypt ms"].append(taken)
        told["largest error"].append(float(np.abs(np.array(found) - (weights @ row + bias)).max()))
    public = held.serialize(save_secret_key=False, save_public_key=False, save_galois_keys=True, save_relin_keys=False)
    return {
        **{name: statistics.median(values) for name, values in told.items() if name.endswith("ms")},
        **{f"least {name}": min(values) for name, values in told.items() if name.endswith("ms")},
        "largest error": max(told["largest error"]),
        "keys ms": making,
        "query bytes": len(query.serialize()),
        "keys bytes": len(public),
    }


def batch(weights: np.ndarray, bias: np.ndarray, rows: np.ndarray) -> dict[str, Any]:
    """A tensor of rows in slots, one ciphertext for each number of a row."""
    held = context()
    encrypting, query = cpu(lambda: ts.ckks_tensor(held, rows[:, None].tolist(), batch=True))
    plain, last = ts.plain_tensor(weights.T.tolist()), ts.plain_tensor([bias.tolist()])
    running, reply = cpu(lambda: query.mm(plain) + last)
    decrypting, found = cpu(lambda: np.array(reply.decrypt().tolist()))
    whole = encrypting + running + decrypting
    return {
        "rows": len(rows),
        "rows/s, server": 1e3 * len(rows) / running,
        "rows/s, encrypted, evaluated, decrypted": 1e3 * len(rows) / whole,
        "largest error": float(np.abs(found.reshape(len(rows), -1) - (rows @ weights.T + bias)).max()),
    }


def main() -> None:
    given, repetitions = np.load(sys.argv[1]), int(sys.argv[2])
    models = {name: [given[f"{name}.{part}"] for part in ("weights", "bias", "rows")] for name in ("lr30", "lr784")}
    print(
        json.dumps(
            {
                "tenseal": ts.__version__,
                "chain": {"degree": DEGREE, "bits": BITS},
                "lr30": single(*models["lr30"], repetitions),
                "lr784": single(*models["lr784"], min(3, repetitions)),
                "lr784 batch": batch(*models["lr784"][:2], models["lr784"][2][:2048]),
            }
        )
    )


if __name__ == "__main__":
    main()
