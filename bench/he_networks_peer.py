"""TenSEAL's part of `he_networks.py`: run by the Python that has it; prints JSON. One thread."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tenseal as ts

REPETITIONS = 3


def context(bits: list[int], degree: int = 8192) -> Any:
    made = ts.context(ts.SCHEME_TYPE.CKKS, degree, coeff_mod_bit_sizes=bits, n_threads=1)
    made.global_scale = 2 ** bits[1]
    made.generate_galois_keys()
    return made


def perceptron(weights: list[np.ndarray], row: np.ndarray) -> tuple[Any, Callable[[Any], Any]]:
    """Chain of 26-bit primes, whose products stay near two to the 26: TenSEAL does not track scales."""
    first, bias, second, offset = weights
    held = context([31, 26, 26, 26, 31])
    encrypted = ts.ckks_vector(held, row.tolist())
    one, other = first.T.tolist(), second.T.tolist()

    def run(x: Any) -> Any:
        hidden = x.mm(one) + bias.tolist()
        hidden.square_()
        return hidden.mm(other) + offset.tolist()

    return encrypted, run


def convolutional(weights: list[np.ndarray], row: np.ndarray) -> tuple[Any, Callable[[Any], Any]]:
    """The network of TenSEAL's tutorial, with its parameters."""
    kernels, bias, first, offset, second, last = weights
    held = context([31, 26, 26, 26, 26, 26, 26, 31])
    encrypted, windows = ts.im2col_encoding(held, row.reshape(28, 28).tolist(), 7, 7, 3)
    shapes = [kernel[0].tolist() for kernel in kernels]
    one, other = first.T.tolist(), second.T.tolist()

    def run(x: Any) -> Any:
        channels = [x.conv2d_im2col(kernel, windows) + b for kernel, b in zip(shapes, bias.tolist(), strict=True)]
        packed = ts.CKKSVector.pack_vectors(channels)
        packed.square_()
        packed = packed.mm(one) + offset.tolist()
        packed.square_()
        return packed.mm(other) + last.tolist()

    return encrypted, run


def main() -> None:
    name, path = sys.argv[1:]
    given = np.load(path)
    weights = [given[f"w{place}"] for place in range(sum(key.startswith("w") for key in given.files))]
    encrypted, run = (convolutional if name == "CNN" else perceptron)(weights, given["rows"][0])
    seconds, found = [], None
    for _ in range(REPETITIONS):
        start = time.process_time()
        found = run(encrypted)
        seconds.append(time.process_time() - start)
    scores = np.array(found.decrypt())[:10]  # type: ignore[union-attr]
    told = {"run ms": 1e3 * statistics.median(seconds), "largest error": float(np.abs(scores - given["own"][0]).max())}
    print(json.dumps(told | {"query bytes": len(encrypted.serialize())}))


if __name__ == "__main__":
    main()
