"""What encrypted sums over many clients cost: ours beside SEAL's own addition, and beside TenSEAL's vectors.

    python -m venv .venv-he && .venv-he/bin/pip install -r bench/requirements-he.txt
    export OMP_NUM_THREADS=1
    python bench/he_aggregation.py --peer .venv-he/bin/python --output bench/results/he_aggregation.json

CPU time by ``time.process_time``, one thread, median and best of the repetitions. For every case: what the plan chose,
and

- adding: the residues of all clients' contributions, in memory, summed by us and by SEAL's evaluator in turn
  (add_inplace and add_many; the faster counts), over the same ciphertexts; the sums are compared bit for bit. Values
  are what clients contribute; several share a slot where they are small. Slots are told as well;
- intake: `Aggregator.add` from bytes, with everything that it checks: signature, digest, every residue;
- a client's encryption with its signature, a holder's key and part of the decryption, combining, bytes;
- whether the released sums equal the plain ones, and how much of the room for errors was used.

Last, contributions with one flipped bit each: how many the server takes. TenSEAL adds the same numbers (0 to 1,000,
50 clients) in CKKS and in BFV, without signatures or any check, its vectors in memory.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from casemate.controls.encrypted_aggregation.aggregator import Aggregator
from casemate.controls.encrypted_aggregation.combining import combine
from casemate.controls.encrypted_aggregation.contributing import Contributor
from casemate.controls.encrypted_aggregation.identity import Identity
from casemate.controls.encrypted_aggregation.joint_key import join, read_key
from casemate.controls.encrypted_aggregation.key_holder import KeyHolder
from casemate.controls.encrypted_aggregation.plan import plan_aggregation
from casemate.controls.encrypted_aggregation.questions import EncryptedQuestion
from casemate.controls.encrypted_aggregation.residue_arrays import ResidueSum
from casemate.controls.encrypted_aggregation.totals import Total, read_contribution
from casemate.controls.homomorphic.residues import Residues, ciphertext_of, residues_of
from casemate.core.errors import EncryptedError

HIGH = 1000
CASES = (
    # name, values per client, holders, largest value
    ("4,096 values, one holder", 4096, 1, HIGH),
    ("8,192 values of 33 bits in total, one holder", 8192, 1, 1 << 27),
    ("4,096 values, three holders", 4096, 3, HIGH),
    ("100,000 values, one holder", 100_000, 1, HIGH),
    ("100,000 values, three holders", 100_000, 3, HIGH),
)


def cpu(work: Callable[[], Any], repetitions: int) -> dict[str, float]:
    work()
    seconds = []
    for _ in range(repetitions):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return {"median_s": statistics.median(seconds), "min_s": min(seconds)}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def case(values: int, holders: int, high: int, clients: int, repetitions: int) -> dict[str, Any]:
    question = EncryptedQuestion("sum", "x", Decimal(0), Decimal(high), length=values)
    people = [Identity.new(f"client{number}") for number in range(clients)]
    identities = [Identity.new(f"holder{number}") for number in range(holders)]
    planning, plan = timed(
        lambda: plan_aggregation(
            "bench",
            [question],
            contributors={one.name: one.public for one in people},
            holders={one.name: one.public for one in identities},
            min_clients=2,
        )
    )
    assert plan.context  # SEAL's tables are made once, and count for nobody
    making, held = timed(lambda: [KeyHolder.new(plan, one) for one in identities])
    commitments = {one.name: holder.commitment for one, holder in zip(identities, held, strict=True)}
    key = join(plan, [holder.share(commitments) for holder in held])
    data = np.random.default_rng(0).integers(0, high, (clients, values), endpoint=True)
    contributors = [Contributor(key, one) for one in people]
    encrypting, contributions = timed(
        lambda: [one.encrypt({"x": row}) for one, row in zip(contributors, data, strict=True)]
    )
    aggregator = Aggregator(key)
    intake, _ = timed(lambda: [aggregator.add(one) for one in contributions])
    total = aggregator.total()
    parts = [timed(lambda holder=holder: holder.part(total, contributions=None)) for holder in held]
    combining, result = timed(lambda: combine(total, [part for _, part in parts]))
    chain = plan.chain
    return {
        "values": values,
        "clients": clients,
        "holders": holders,
        "plan": {
            "degree": plan.degree,
            "data_primes_bits": [prime.bit_length() for prime in chain.levels],
            "all_primes_bits": chain.bits,
            "plain_bits": plan.plain.bit_length(),
            "ciphertexts": plan.ciphertexts,
            "values_per_slot": values / plan.layout.slots,
            "failure_bits": plan.failure_bits,
            "smudging_bits": plan.errors.smudging_bits,
            "seconds": planning,
        },
        "bytes_per_client": len(contributions[0]),
        "bytes_per_value": len(contributions[0]) / values,
        "key_bytes": len(key.data),
        "total_bytes": len(total.data),
        "key_per_holder_s": making / holders,
        "encrypt_per_client_s": encrypting / clients,
        "intake_per_client_s": intake / clients,
        "intake_values_per_s": values * clients / intake,
        "part_per_holder_s": statistics.median(seconds for seconds, _ in parts),
        "combine_s": combining,
        "exact": bool(np.array_equal(result.figures[0].steps, data.sum(axis=0))),
        "largest_error_share": result.largest_error,
        "adding": adding(total, contributions, values, repetitions),
    }


def adding(total: Total, contributions: list[bytes], values: int, repetitions: int) -> dict[str, Any]:
    """Our sum of residues beside SEAL's additions, over the same ciphertexts, in turn."""
    plan, key = total.plan, total.key
    arrays = [read_contribution(key, one)[1] for one in contributions]
    context, adds = plan.context, len(arrays) - 1
    theirs = [[ciphertext_of(Residues(one, 1.0, False), context) for one in array] for array in arrays]

    def ours() -> np.ndarray:
        running = ResidueSum(plan.shape, plan.chain.levels)
        for array in arrays:
            running.add(array)
        return running.total()

    def in_place() -> list[Any]:
        sums = []
        for place in range(plan.ciphertexts):
            held = context.evaluator.add(theirs[0][place], theirs[1][place])
            for other in theirs[2:]:
                context.evaluator.add_inplace(held, other[place])
            sums.append(held)
        return sums

    def many() -> list[Any]:
        return [context.evaluator.add_many([one[place] for one in theirs]) for place in range(plan.ciphertexts)]

    same = np.array_equal(ours(), np.stack([residues_of(one).values for one in in_place()]))
    times: dict[str, list[float]] = {"ours": [], "seal_add_inplace": [], "seal_add_many": []}
    for _ in range(repetitions):
        for name, work in (("ours", ours), ("seal_add_inplace", in_place), ("seal_add_many", many)):
            times[name].append(timed(work)[0])
    told: dict[str, Any] = {"identical_to_seal": bool(same)}
    for name, seconds in times.items():
        told[name] = {
            "per_client_us": statistics.median(seconds) / adds * 1e6,
            "values_per_s": values * adds / statistics.median(seconds),
            "best_values_per_s": values * adds / min(seconds),
            "slots_per_s": plan.layout.slots * adds / statistics.median(seconds),
        }
    best = min(statistics.median(times["seal_add_inplace"]), statistics.median(times["seal_add_many"]))
    told["ratio_to_seal"] = best / statistics.median(times["ours"])
    return told


def mutations(count: int) -> dict[str, int]:
    """How many of so many contributions with one flipped bit the server takes."""
    question = EncryptedQuestion("sum", "x", Decimal(0), Decimal(HIGH), length=100)
    people, holder = [Identity.new(f"client{number}") for number in range(2)], Identity.new("holder")
    named = {one.name: one.public for one in people}
    plan = plan_aggregation("bench", [question], contributors=named, holders={"holder": holder.public}, min_clients=2)
    held = KeyHolder.new(plan, holder)
    key = read_key(plan, join(plan, [held.share({"holder": held.commitment})]).data)
    good, rng, taken = Contributor(key, people[0]).encrypt({"x": np.zeros(100)}), np.random.default_rng(0), 0
    for _ in range(count):
        bit = int(rng.integers(8 * len(good))) if rng.random() < 0.9 else int(rng.integers(8 * 100))
        altered = bytearray(good)
        altered[bit // 8] ^= 1 << bit % 8
        try:
            Aggregator(key).add(bytes(altered))
            taken += 1
        except EncryptedError:
            continue
    return {"flipped": count, "taken": taken}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, help="Python of an environment with TenSEAL")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    told: dict[str, Any] = {
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "seal-python": version("seal-python"),
        "numpy": version("numpy"),
        "cases": {},
    }
    for name, values, holders, high in CASES:
        told["cases"][name] = case(values, holders, high, given.clients, given.repetitions)
        print(name, json.dumps(told["cases"][name], indent=1))
    told["mutations"] = mutations(given.mutations)
    if given.peer:
        command = [str(given.peer), str(Path(__file__).with_name("he_aggregation_peer.py"))]
        done = subprocess.run([*command, str(given.clients), str(given.repetitions)], check=True, capture_output=True)
        told["tenseal"] = json.loads(done.stdout)
        peers = [one for one in told["tenseal"].values() if isinstance(one, dict)]
        ours = told["cases"][CASES[0][0]]["adding"]["ours"]["values_per_s"]
        told["ratio_to_fastest_tenseal"] = ours / max(peer["values_per_s"] for peer in peers)
    print(json.dumps({key: value for key, value in told.items() if key != "cases"}, indent=1))
    if given.output:
        given.output.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
