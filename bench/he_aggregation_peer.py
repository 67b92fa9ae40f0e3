"""TenSEAL's side of he_aggregation.py: add up the vectors of many clients. Run by it, in the peer's own environment."""

from __future__ import annotations

import json
import statistics
import sys
import time

import numpy as np
import tenseal as ts


def cpu(work, repetitions):
    work()
    seconds = []
    for _ in range(repetitions):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return {"median_s": statistics.median(seconds), "min_s": min(seconds)}


def measured(context, encrypt, values, clients, repetitions):
    data = np.random.default_rng(0).integers(0, 1001, (clients, values))
    vectors = [encrypt(context, row.tolist()) for row in data]

    def add():
        total = vectors[0] + vectors[1]  # its copy() serialises, and costs more than all additions
        for vector in vectors[2:]:
            total.add_(vector)
        return total

    adding = cpu(add, repetitions)
    total = add()
    found = np.array(total.decrypt())[:values]
    return {
        "values": values,
        "clients": clients,
        "add": adding,
        "values_per_s": values * (clients - 1) / adding["median_s"],
        "best_values_per_s": values * (clients - 1) / adding["min_s"],
        "encrypt": cpu(lambda: encrypt(context, data[0].tolist()), repetitions),
        "decrypt": cpu(total.decrypt, repetitions),
        "bytes_per_client": len(vectors[0].serialize()),
        "exact": bool((found == data.sum(axis=0)).all()),
        "largest_error": float(np.abs(found - data.sum(axis=0)).max()),
    }


def main() -> None:
    clients, repetitions = map(int, sys.argv[1:])
    ckks = ts.context(ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 40, 60], n_threads=1)
    ckks.global_scale = 2**40
    small = ts.context(ts.SCHEME_TYPE.CKKS, 4096, coeff_mod_bit_sizes=[53, 53], n_threads=1)
    small.global_scale = 2**30
    bfv = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193, n_threads=1)
    told = {
        "tenseal": ts.__version__,
        "CKKS, N = 8192, [60, 40, 40, 60]": measured(ckks, ts.ckks_vector, 4096, clients, repetitions),
        "CKKS, N = 4096, [53, 53]": measured(small, ts.ckks_vector, 2048, clients, repetitions),
        "BFV, N = 4096, t = 1032193": measured(bfv, ts.bfv_vector, 4096, clients, repetitions),
    }
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
