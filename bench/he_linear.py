"""Linear layers on encrypted rows: one row at a time and thousands, ours beside TenSEAL; CPU time, one thread.

    python bench/he_linear.py --peer-python .venv-tenseal/bin/python --output bench/results/he_linear.json

Logistic regressions, trained here: 30 features (scikit-learn's breast cancer data) and 784 pixels to 10 classes (its
digits, enlarged to 28 x 28). The peer (TenSEAL 0.3.18, see requirements-he.txt) gets the same weights and rows.

One row: encrypt, evaluate (seed expanded, bias added, weights hidden by an encryption of zero) and decrypt, each row
with what was prepared for it alone. What is prepared outside of requests is told apart: the client's masks, and the
server's encryptions of zero. "Foreseen": the client draws its seeds from a chain (`SeedChain`), so that the server also
multiplies what the next seed tells with the weights ahead.

Batches: blocks of 2,048 rows. "Live": the query's first halves lie in memory as 64-bit residues, 785 x 2,048; included
are the check of every residue, the product, bias, and the part of the encryptions of zero that depends on the query.
"From the wire": from the bytes of the body, and with the encryptions of zero made on the spot. "First block": the seed
expanded and multiplied as well, once for each client.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression

from casemate.controls.encrypted_service.ciphertexts import Form, packed, unpacked
from casemate.controls.encrypted_service.compile_model import Asked, compile_model
from casemate.controls.encrypted_service.trial_house import TrialHouse
from casemate.controls.encrypted_service.wire import Kind, size_of
from casemate.controls.homomorphic.chain import ckks_chain
from casemate.controls.homomorphic.circuits import Linear, decided
from casemate.controls.homomorphic.coefficient_program import CoefficientProgram, Rerandomiser
from casemate.controls.homomorphic.column_program import PRIME_BITS, ColumnProgram, ColumnRandomness
from casemate.controls.homomorphic.column_secrets import ColumnSecrets
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.linear_scales import Ranges
from casemate.controls.homomorphic.secret_keys import SecretKeys
from casemate.controls.homomorphic.seeds import SeedChain, new_seed

SINGLE = ckks_chain(2048, (51,))
PRECISE = ckks_chain(4096, (45, 45, 16))
COLUMNS = {"one limb": (1, 0), "two limbs, flooded by 8 bits": (2, 8)}
AT_ONCE = 8


def regressions() -> dict[str, tuple[LogisticRegression, np.ndarray]]:
    cancer, digits = load_breast_cancer(), load_digits()
    rows = (cancer.data - cancer.data.mean(axis=0)) / cancer.data.std(axis=0)
    large = np.kron(digits.images / 16, np.ones((4, 4)))[:, 2:30, 2:30].reshape(-1, 784)
    first = LogisticRegression(max_iter=1000).fit(rows[:400], cancer.target[:400])
    second = LogisticRegression(max_iter=300).fit(large[:1200], digits.target[:1200])
    return {"lr30": (first, rows), "lr784": (second, large)}


def models() -> dict[str, tuple[Linear, Ranges, np.ndarray]]:
    (first, rows), (second, large) = regressions().values()
    return {
        "lr30": (Linear(first.coef_, first.intercept_), Ranges(rows.min(axis=0), rows.max(axis=0)), rows),
        "lr784": (Linear(second.coef_, second.intercept_), Ranges(np.zeros(784), np.ones(784)), large),
    }


class Clock:
    """CPU milliseconds of each kind of work."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = defaultdict(list)

    def __call__(self, name: str, work: Callable[[], Any], share: int = 1) -> Any:
        start = time.process_time()
        made = work()
        self.taken[name].append(1e3 * (time.process_time() - start) / share)
        return made

    def told(self) -> dict[str, dict[str, float]]:
        return {
            name: {"least": min(values), "median": statistics.median(values)} for name, values in self.taken.items()
        }


def single(
    linear: Linear, ranges: Ranges, rows: np.ndarray, repetitions: int, *, precise: bool = False
) -> dict[str, Any]:
    context, clock = Context(PRECISE if precise else SINGLE), Clock()
    program = CoefficientProgram(linear, ranges, context, drowned=16 if precise else 0)
    packing, errors, alike = program.public, [], 0
    for foreseen in (False, True):
        mark = ", foreseen" if foreseen else ""
        keys = SecretKeys.generate(context, SeedChain().take if foreseen else new_seed)
        randomness = Rerandomiser(program, keys.encrypt_coefficients(packing.zero()), context)
        last = None
        for start in range(0, repetitions, AT_ONCE):
            part = rows[np.arange(start, start + AT_ONCE) % len(rows)]
            clock("client, prepared ahead", lambda keys=keys: keys.prepare(AT_ONCE), AT_ONCE)
            for index in range(AT_ONCE):
                row = part[index : index + 1]
                after = last if foreseen else None
                clock(f"server, prepared ahead{mark}", lambda r=randomness, after=after: r.prepare(1, after))
                query = clock("encrypt", lambda keys=keys, row=row: keys.encrypt_coefficients(packing.pack(row)[0]))
                replies = clock(f"evaluate{mark}", lambda q=query, r=randomness: program.evaluate([q], r))
                scores = clock(
                    "decrypt",
                    lambda keys=keys, replies=replies: packing.unpack(keys.decrypt_coefficients(replies, packing.at)),
                )
                own = linear(row)
                errors.append(float(np.abs(scores - own).max()))
                alike += int(decided(scores)[0] == decided(own)[0])
                last = query.seed
    chain, layout, numbers = context.chain, packing.geometry, packing.numbers
    level = len(chain.levels)
    form = Form(chain, level, numbers.input_scale, seeded=True, transformed=False, together=layout.inputs)
    answer = Form(chain, level, numbers.scale, transformed=False, kept=tuple(packing.at.tolist()))
    body = packed([query], form)
    clock("read from the wire", lambda: unpacked(memoryview(body), form))
    for _ in range(40):
        clock("read from the wire", lambda: unpacked(memoryview(body), form))
    size = float(np.abs(linear(rows)).max())
    return {
        "ms": clock.told(),
        "query bytes": size_of(Kind.QUERY, len(body)),
        "reply bytes": size_of(Kind.REPLY, 32 + answer.size(layout.groups)),
        "public key bytes, once": form.entry_bytes,
        "evaluation keys bytes": 0,
        "products": layout.groups,
        "flooding bits": program.layer.flooding_bits,
        "largest error": max(errors),
        "largest error, relative to the largest score": max(errors) / size,
        "bound on errors": float(program.error.max()),
        "decisions alike": f"{alike} of {len(errors)}",
    }


def batch(linear: Linear, ranges: Ranges, rows: np.ndarray, kind: str, repetitions: int) -> dict[str, Any]:
    limbs, drowned = COLUMNS[kind]
    context, clock = Context(ckks_chain(2048, (PRIME_BITS[limbs],))), Clock()
    program = ColumnProgram(linear, ranges, context, limbs=limbs, drowned=drowned)
    packing, n = program.public, context.chain.degree
    rows = rows[np.arange(n) % len(rows)]
    secrets, randomness = ColumnSecrets(context, packing.columns), ColumnRandomness(program, context)
    form = Form(context.chain, 1, packing.numbers.input_scale, True, False, packing.columns)
    scores = np.empty((0, linear.outputs))
    for repetition in range(repetitions + 1):
        if repetition == 1:
            clock = Clock()  # the first warms up
        blocks = clock("pack", lambda: packing.pack(rows))
        sent = clock("encrypt", lambda blocks=blocks: secrets.encrypt(blocks))
        clock("prepared ahead", lambda: randomness.prepare(1, secrets.seed))
        replies = clock("live", lambda sent=sent: program.evaluate(sent.queries, randomness))
        clock("product", lambda sent=sent: program.product(sent.queries[0].c0))
        body = packed(sent.queries, form)
        clock(
            "from the wire",
            lambda body=body: program.evaluate(unpacked(memoryview(body), form), randomness),  # type: ignore[arg-type]
        )
        clock(
            "first block",
            lambda sent=sent: program.evaluate(sent.queries, ColumnRandomness(program, context)),
        )
        scores = clock("decrypt", lambda sent=sent, replies=replies: packing.unpack(sent.decrypt(replies)))
    own, told = linear(rows), clock.told()
    median = {name: value["median"] for name, value in told.items()}
    client = median["pack"] + median["encrypt"] + median["decrypt"]
    return {
        "ms of 2,048 rows": told,
        "rows/s, server, live": {name: 1e3 * n / told["live"][name] for name in ("least", "median")},
        "rows/s, server, live and prepared": 1e3 * n / (median["live"] + median["prepared ahead"]),
        "rows/s, server, from the wire": 1e3 * n / median["from the wire"],
        "rows/s, server, first block": 1e3 * n / median["first block"],
        "rows/s, client": 1e3 * n / client,
        "rows/s, encrypted, evaluated, decrypted": 1e3 * n / (client + median["live"] + median["prepared ahead"]),
        "prime bits": PRIME_BITS[limbs],
        "weight bits": int(np.abs(program.layer.weights).max()).bit_length() + 1,
        "flooding bits": program.layer.flooding_bits,
        "bytes of a row": form.size(1) / n,
        "largest error": float(np.abs(scores - own).max()),
        "largest error, relative to the largest score": float(np.abs(scores - own).max() / np.abs(own).max()),
        "bound on errors": float(program.error.max()),
        "decisions alike": f"{int((decided(scores) == decided(own)).sum())} of {n}",
    }


def served(model: LogisticRegression, rows: np.ndarray, repetitions: int) -> dict[str, Any]:
    """The same through real messages: sealed, signed, parsed and checked; compiled for 2,048 rows at a time."""
    ranges = (np.zeros(rows.shape[1]), np.ones(rows.shape[1]))
    made = compile_model(model, rows, Asked("batches", batches=True), ranges=ranges)
    house, clock = TrialHouse(made.program), Clock()
    client, asked = house.registered(), rows[np.arange(2048) % len(rows)]
    for repetition in range(repetitions + 2):
        if repetition == 2:
            clock = Clock()  # the first ones warm up
        query = clock("client encrypts", lambda: client.encrypt(asked))
        reply = clock("server answers", lambda query=query: house.asked(query))
        clock("client decrypts", lambda reply=reply: client.decrypt(reply))
        time.sleep(0.05)  # in which the server prepares for the next block
    house.close()
    told = clock.told()
    each = {name: 1e3 * 2048 / value["median"] for name, value in told.items()}
    return {"ms of 2,048 rows": told, "rows/s": each, "query bytes": len(query), "reply bytes": len(reply)}


def peer(python: Path, made: dict[str, tuple[Linear, Ranges, np.ndarray]], repetitions: int) -> dict[str, Any]:
    given = {}
    for name, (linear, _, rows) in made.items():
        given |= {f"{name}.weights": linear.weights, f"{name}.bias": linear.bias}
        given[f"{name}.rows"] = rows[np.arange(2048) % len(rows)]
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "models.npz", **given)
        command = [str(python), str(Path(__file__).with_name("he_linear_peer.py"))]
        done = subprocess.run(
            [*command, f"{folder}/models.npz", str(repetitions)], capture_output=True, text=True, check=True
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--repetitions", type=int, default=160)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    made = models()
    result: dict[str, Any] = {"python": platform.python_version(), "load": os.getloadavg()[0]}
    result |= {package: version(package) for package in ("numpy", "seal-python", "cryptography")}
    result["one row"] = {name: single(*made[name], asked.repetitions) for name in made}
    result["one row"]["lr784, two primes, flooded by 16 bits"] = single(*made["lr784"], 40, precise=True)
    result["batch"] = {f"lr784, {kind}": batch(*made["lr784"], kind, 7) for kind in COLUMNS}
    result["batch"]["lr30, one limb"] = batch(*made["lr30"], "one limb", 7)
    result["batch, through the service"] = {"lr784": served(*regressions()["lr784"], 7)}
    if asked.peer_python:
        result["peer"] = peer(asked.peer_python, made, 20)
    show(result)
    if asked.output:
        asked.output.write_text(json.dumps(result, indent=1) + "\n")


def show(result: dict[str, Any]) -> None:
    print(
        "| one row, CPU ms, median (least) | encrypt | evaluate | foreseen | decrypt | ahead: client | server | error |"
    )
    print("|:--|--:|--:|--:|--:|--:|--:|--:|")
    for name, found in result["one row"].items():
        columns = ("encrypt", "evaluate", "evaluate, foreseen", "decrypt")
        ahead = ("client, prepared ahead", "server, prepared ahead")
        cells = [f"{found['ms'][part]['median']:.3f} ({found['ms'][part]['least']:.3f})" for part in (*columns, *ahead)]
        print(f"| {name} | {' | '.join(cells)} | {found['largest error']:.1e} |")
    print("\n| batch, rows/s | server, live | with what is prepared | from the wire | client | all | error | bound |")
    print("|:--|--:|--:|--:|--:|--:|--:|--:|")
    for name, found in result["batch"].items():
        live = found["rows/s, server, live"]
        kinds = ("rows/s, server, live and prepared", "rows/s, server, from the wire", "rows/s, client")
        cells = [f"{found[kind]:,.0f}" for kind in (*kinds, "rows/s, encrypted, evaluated, decrypted")]
        print(
            f"| {name} | {live['median']:,.0f} (most {live['least']:,.0f}) | {' | '.join(cells)} "
            f"| {found['largest error']:.1e} | {found['bound on errors']:.1e} |"
        )
    for name, found in result["batch, through the service"].items():
        told = ", ".join(f"{step} {rate:,.0f}" for step, rate in found["rows/s"].items())
        print(f"\n{name} through the service, rows/s: {told}; {found['query bytes'] / 2048:,.0f} bytes of a row")
    if "peer" not in result:
        return
    print("\n| TenSEAL | encrypt ms | evaluate ms | decrypt ms | error | times: evaluate | foreseen | all three |")
    print("|:--|--:|--:|--:|--:|--:|--:|--:|")
    for name in ("lr30", "lr784"):
        other, ours = result["peer"][name], {k: v["median"] for k, v in result["one row"][name]["ms"].items()}
        whole = sum(other[f"{part} ms"] for part in ("encrypt", "evaluate", "decrypt"))
        mine = ours["encrypt"] + ours["client, prepared ahead"] + ours["evaluate"] + ours["decrypt"]
        cells = [f"{other[f'{part} ms']:.3g}" for part in ("encrypt", "evaluate", "decrypt")]
        times = [other["evaluate ms"] / ours[kind] for kind in ("evaluate", "evaluate, foreseen")]
        print(
            f"| {name} | {' | '.join(cells)} | {other['largest error']:.1e} "
            f"| {times[0]:,.0f} | {times[1]:,.0f} | {whole / mine:,.0f} |"
        )
    other, ours = result["peer"]["lr784 batch"], result["batch"]["lr784, one limb"]
    kinds = {"rows/s, server": "rows/s, server, live and prepared"} | {
        kind: kind for kind in ("rows/s, encrypted, evaluated, decrypted",)
    }
    for kind, own in kinds.items():
        print(
            f"\nbatch, {kind}: TenSEAL {other[kind]:,.0f}, ours {ours[own]:,.0f}, {ours[own] / other[kind]:,.0f} times"
        )


if __name__ == "__main__":
    main()
