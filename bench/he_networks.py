"""Networks and trees on encrypted rows: ours beside TenSEAL, error, decisions, sizes and CPU time.

    python bench/he_networks.py --peer-python .venv-tenseal/bin/python --output bench/results/he_networks.json

Models: perceptrons 784-128-10 and 64-32-10 with squares, the network of TenSEAL's tutorial (a convolution of 7 x 7 with
stride 3, two layers, squares), all trained here on scikit-learn's digits (enlarged to 28 x 28 where needed), and ten
boosted trees of depth 3 on its breast cancer data. Ours runs as it is served: seed expanded, computed, masked, an
encryption of zero added (made ahead; its own cost is told apart). The peer (TenSEAL 0.3.18 in an environment of its
own, see requirements-he.txt) gets the same weights and rows, one thread, and chains wide enough for its scales. Each
part's seconds are CPU time; the median of the rows.
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
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split

from casemate.controls.encrypted_service.compile_model import Asked, compile_model
from casemate.controls.encrypted_service.evaluation_keys import loaded_keys, packed_keys
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.secret_keys import SecretKeys

ROWS = 20
BARS = {"MLP 784-128-10": 45.0, "MLP 64-32-10": 15.0, "CNN": 60.0, "10 trees of depth 3": 131.0}
"""What one run may take on the server, CPU milliseconds."""

TOLERANCES = {"CNN": 1.2}
"""The error of a score that is asked for; one hundredth of the scores' standard deviation where nothing is said. The
network of the tutorial gives scores to 90, and TenSEAL is off by about 2."""


def enlarged(images: np.ndarray) -> np.ndarray:
    """Digits of 8 x 8 as 28 x 28, by repetition and cut."""
    large = np.kron(images, np.ones((4, 4)))
    return np.asarray(large[:, 2:30, 2:30].reshape(len(images), 784))


def network(name: str, rows: np.ndarray, labels: np.ndarray) -> Any:
    """Train a network of squares."""
    import torch
    from torch import nn

    class Square(nn.Module):
        def forward(self, x: Any) -> Any:
            return x * x

    torch.manual_seed(0)
    torch.set_num_threads(1)
    layers: dict[str, Callable[[], list[Any]]] = {
        "MLP 784-128-10": lambda: [nn.Linear(784, 128), Square(), nn.Linear(128, 10)],
        "MLP 64-32-10": lambda: [nn.Linear(64, 32), Square(), nn.Linear(32, 10)],
        "CNN": lambda: [
            nn.Conv2d(1, 4, 7, 3), Square(), nn.Flatten(), nn.Linear(256, 64), Square(), nn.Linear(64, 10)
        ],
    }  # fmt: skip
    model = nn.Sequential(*layers[name]())
    x = torch.tensor(rows, dtype=torch.float32).reshape((-1, 1, 28, 28) if name == "CNN" else (len(rows), -1))
    y, rate = torch.tensor(labels), torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(60):
        for part in torch.randperm(len(x)).split(64):
            rate.zero_grad()
            nn.functional.cross_entropy(model(x[part]), y[part]).backward()
            rate.step()
    return model.double()


def cpu(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    found = work()
    return found, time.process_time() - start


def ours(name: str, model: Any, calibration: np.ndarray, rows: np.ndarray, own: np.ndarray) -> dict[str, Any]:
    """Compile a model and ask it, row by row; ``own`` holds its own scores of the rows."""
    low, high = np.minimum(calibration, 0).min(), np.maximum(calibration, 1).max()
    flat = calibration.reshape(len(calibration), -1)
    ranges = None if name.endswith("3") else (np.full(flat.shape[1], low), np.full(flat.shape[1], high))
    asked = Asked(name, TOLERANCES.get(name))
    compiled, compiling = cpu(lambda: compile_model(model, calibration, asked, ranges=ranges))
    program = compiled.program
    public, form = program.public, program.public.terms.keys
    secret, keygen = cpu(lambda: SecretKeys.generate(Context(public.chain)))
    keys, making = cpu(lambda: packed_keys(public.public_keys(secret), form))
    session = program.session(loaded_keys(memoryview(keys), form, secret.context))
    parts: dict[str, list[float]] = {"encrypt": [], "ahead": [], "run": [], "decrypt": []}
    errors, same = [], 0
    session.run(public.encrypt(rows[:1], secret))  # weights are encoded once
    for row, wanted in zip(rows, own, strict=True):
        query, seconds = cpu(lambda row=row: public.encrypt(row[None], secret))
        parts["encrypt"].append(seconds)
        parts["ahead"].append(cpu(lambda: session._covers.prepare(1))[1])
        answer, seconds = cpu(lambda query=query: session.run(query))
        parts["run"].append(seconds)
        scores, seconds = cpu(lambda answer=answer: public.decrypt(answer, 1, secret))
        parts["decrypt"].append(seconds)
        errors.append(float(np.abs(scores[0] - wanted).max()))
        same += int((public.decide(scores) == compiled.circuit.decide(wanted[None]))[0])
    packing = public.packing
    return {
        **{f"{part} ms": 1e3 * statistics.median(seconds) for part, seconds in parts.items()},
        "run ms, least": 1e3 * min(parts["run"]),
        "compile s": compiling,
        "keys s": keygen + making,
        "estimated ms": 1e3 * compiled.seconds,
        "largest error": max(errors),
        "tolerance": public.description.tolerance,
        "decisions alike": same,
        "rows": len(rows),
        "largest score": float(np.abs(own).max()),
        "degree": public.chain.degree,
        "prime bits": [prime.bit_length() for prime in public.chain.primes],
        "rotations": len(packing.rotations),
        "query bytes": public.terms.query_bytes(1),
        "reply bytes": public.terms.reply_bytes(1),
        "key bytes": len(keys),
    }


def peer(python: Path, name: str, model: Any, rows: np.ndarray, own: np.ndarray) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        arrays = {f"w{place}": value.numpy() for place, value in enumerate(model.state_dict().values())}
        np.savez(Path(folder) / "given.npz", rows=rows.reshape(len(rows), -1), own=own, **arrays)
        script = Path(__file__).with_name("he_networks_peer.py")
        command = [str(python), str(script), name, f"{folder}/given.npz"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1]}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    result: dict[str, Any] = {"python": platform.python_version(), "load": os.getloadavg()[0]}
    result |= {package: version(package) for package in ("numpy", "seal-python")}
    digits = load_digits()
    small = digits.data / 16
    result["models"] = {}
    print("| model | encrypt ms | run ms (bar) | decrypt ms | error | alike | TenSEAL ms | error | times |")
    print("|:--|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name, bar in BARS.items():
        if asked.only and name not in asked.only:
            continue
        if name.endswith("3"):
            found = _trees()
        else:
            rows = small if "64" in name else enlarged(digits.images / 16)
            train, test, labels, _ = train_test_split(rows, digits.target, test_size=0.2, random_state=0)
            model = network(name, train, labels)
            import torch

            shape = (-1, 1, 28, 28) if name == "CNN" else (-1, rows.shape[1])
            own = model(torch.tensor(test[:ROWS].reshape(shape))).detach().numpy()
            found = {"ours": ours(name, model, train[:300].reshape(shape), test[:ROWS], own)}
            if asked.peer_python:
                found["peer"] = peer(asked.peer_python, name, model, test[:1], own[:1])
        found["bar ms"] = bar
        result["models"][name] = found
        mine, other = found["ours"], found.get("peer", {})
        theirs = f"{other['run ms']:,.0f} | {other['largest error']:.2g}" if "run ms" in other else "- | -"
        times = f"{other['run ms'] / mine['run ms']:,.0f}" if "run ms" in other else "-"
        print(
            f"| {name} | {mine['encrypt ms']:.1f} | {mine['run ms']:.1f} ({bar:g}) | {mine['decrypt ms']:.1f} | "
            f"{mine['largest error']:.2g} | {mine['decisions alike']} of {mine['rows']} | {theirs} | {times} |",
            flush=True,
        )
        if "error" in other:
            print("   peer:", other["error"])
    if asked.output:
        asked.output.write_text(json.dumps(result, indent=1) + "\n")


def _trees() -> dict[str, Any]:
    """Ten boosted trees: every decision on the whole test part is compared with the model's own."""
    data = load_breast_cancer()
    train, test, labels, _ = train_test_split(data.data, data.target, test_size=0.25, random_state=0)
    model = HistGradientBoostingClassifier(
        max_iter=10, max_depth=3, max_leaf_nodes=8, max_bins=63, learning_rate=0.3, min_samples_leaf=5,
        early_stopping=False, random_state=0,
    ).fit(train, labels)  # fmt: skip
    own = model.decision_function(test)[:, None]
    return {"ours": ours("10 trees of depth 3", model, train, test, own)}


if __name__ == "__main__":
    main()
