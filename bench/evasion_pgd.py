"""Projected gradient descent side by side: Casemate, ART, Foolbox, torchattacks and the raw passes.

    python bench/evasion_pgd.py --data mnist.npz --output bench/results/evasion_pgd.json

``--data`` is an npz with ``x_train, y_train, x_test, y_test``, images (n, 28, 28) uint8; without it scikit-learn's
digits are enlarged to 28 x 28. Two small networks (Wong, Rice & Kolter, ICLR 2020) are trained first: one undefended,
one by fast adversarial training at radius .3. Every contestant attacks the same points with the same 40 steps of the
same size from a random start in the same ball, in turn within one process and one thread; CPU time is
``time.process_time``. "raw" is 40 forward and backward passes over all points at the fastest batch size, with frozen
weights: no 40-step attack that keeps every row can cost less. Peers that are not installed are left out. They are
given the network twice: as it comes from training, and with its weights frozen, which they do not do themselves.
What they return is judged outside them: norm, box, and the label in float32.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from casemate.attacks.evasion.pgd import pgd

STEPS = 40
Attacker = Callable[[], Tensor]


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU(), nn.Flatten(),
        nn.Linear(32 * 7 * 7, 100), nn.ReLU(), nn.Linear(100, 10),
    )  # fmt: skip


def load(path: Path | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return images (n, 1, 28, 28) in [0, 1] and labels, for training and for testing."""
    if path is not None:
        with np.load(path) as data:
            x, y, x_test, y_test = (data[name] for name in ("x_train", "y_train", "x_test", "y_test"))
        return image(x / 255), torch.tensor(y).long(), image(x_test / 255), torch.tensor(y_test).long()
    from sklearn.datasets import load_digits

    small, labels = load_digits(return_X_y=True)
    large = np.pad(small.reshape(-1, 8, 8).repeat(3, 1).repeat(3, 2) / 16, ((0, 0), (2, 2), (2, 2)))
    x, y = image(large), torch.tensor(labels)
    return x[400:], y[400:], x[:400], y[:400]


def image(x: np.ndarray) -> Tensor:
    return torch.tensor(x, dtype=torch.float32).reshape(-1, 1, 28, 28)


def train(x: Tensor, y: Tensor, radius: float, passes: int) -> nn.Sequential:
    """Train; with a radius, on one-step attacks from a random start ("fast" adversarial training)."""
    torch.manual_seed(0)
    model = network()
    batches = passes * (len(x) // 100)
    optimiser = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=batches)
    for _ in range(batches):
        rows = torch.randint(len(x), (100,))
        a, b = x[rows], y[rows]
        if radius:
            shift = torch.empty_like(a).uniform_(-radius, radius).requires_grad_()
            (gradient,) = torch.autograd.grad(cross_entropy(model(a + shift), b), shift)
            shift = (shift + 1.25 * radius * gradient.sign()).clamp(-radius, radius).detach()
            a = (a + shift).clamp(0, 1)
        optimiser.zero_grad()
        cross_entropy(model(a), b).backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def frozen(model: nn.Sequential, freeze: bool = True) -> nn.Sequential:
    copy = network()
    copy.load_state_dict(model.state_dict())
    return copy.eval().requires_grad_(not freeze)


@dataclass(frozen=True)
class Case:
    """One model, one radius, the points."""

    name: str
    model: nn.Sequential
    x: Tensor
    y: Tensor
    radius: float

    @property
    def step(self) -> float:
        return 2.5 * self.radius / STEPS


def casemate(case: Case) -> Attacker:
    model, flat = frozen(case.model), case.x.flatten(1)
    low, high = torch.zeros(flat.shape[1]), torch.ones(flat.shape[1])

    def rows(x: Tensor) -> Tensor:
        logits: Tensor = model(x.view(-1, 1, 28, 28))
        return logits

    def attack() -> Tensor:
        return pgd(rows, flat, case.y, low, high, radius=case.radius, steps=STEPS).points.view_as(case.x)

    return attack


def raw(case: Case) -> Attacker:
    model = frozen(case.model)

    def passes(batch: int) -> Tensor:
        for x, y in zip(case.x.split(batch), case.y.split(batch), strict=True):
            point = x.clone().requires_grad_()
            torch.autograd.grad(cross_entropy(model(point), y), point)
        return case.x

    def once(batch: int) -> float:
        return min(cpu(lambda: passes(batch))[0] for _ in range(5))

    best = min((25, 50, 100, 200), key=once)

    def attack() -> Tensor:
        for _ in range(STEPS):
            passes(best)
        return case.x

    return attack


def art(case: Case, batch: int, freeze: bool) -> Attacker:
    from art.attacks.evasion import ProjectedGradientDescent
    from art.estimators.classification import PyTorchClassifier

    model = frozen(case.model, freeze)
    estimator = PyTorchClassifier(
        model, loss=nn.CrossEntropyLoss(), input_shape=(1, 28, 28), nb_classes=10, clip_values=(0, 1), device_type="cpu"
    )
    attack = ProjectedGradientDescent(
        estimator, eps=case.radius, eps_step=case.step, max_iter=STEPS, num_random_init=1, batch_size=batch,
        verbose=False,
    )  # fmt: skip
    x, y = case.x.numpy(), case.y.numpy()
    return lambda: torch.tensor(attack.generate(x, y))


def foolbox(case: Case, freeze: bool) -> Attacker:
    import foolbox as fb

    model = fb.PyTorchModel(frozen(case.model, freeze), bounds=(0, 1), device="cpu")
    attack = fb.attacks.LinfPGD(rel_stepsize=2.5 / STEPS, steps=STEPS, random_start=True)
    return lambda: attack(model, case.x, case.y, epsilons=case.radius)[1]


def torchattacks(case: Case, freeze: bool) -> Attacker:
    import torchattacks as ta

    attack = ta.PGD(frozen(case.model, freeze), eps=case.radius, alpha=case.step, steps=STEPS, random_start=True)
    return lambda: attack(case.x, case.y).detach()


def contestants(case: Case) -> dict[str, Attacker]:
    found = {"casemate": casemate(case), "raw 40 passes": raw(case)}
    peers: dict[str, Callable[[bool], Attacker]] = {
        "ART, batch 32 (its default)": lambda freeze: art(case, 32, freeze),
        "ART, one batch": lambda freeze: art(case, len(case.x), freeze),
        "Foolbox": lambda freeze: foolbox(case, freeze),
        "torchattacks": lambda freeze: torchattacks(case, freeze),
    }
    for name, make in peers.items():
        try:
            found |= {name: make(False), f"{name}, frozen weights": make(True)}
        except ImportError as missing:
            print(f"{name} left out: {missing}")
    return found


def cpu(run: Attacker) -> tuple[float, Tensor]:
    start = time.process_time()
    result = run()
    return time.process_time() - start, result


def judge(case: Case, points: Tensor) -> dict[str, float]:
    """What a third party sees: distance, box, and the label in float32."""
    model = frozen(case.model)
    with torch.no_grad():
        robust = model(points).argmax(1) == case.y
    far = (points - case.x).abs().flatten(1).amax(1)
    return {
        "robust accuracy": float(robust.float().mean()),
        "largest distance": float(far.max()),
        "rows outside radius or box": int(
            (
                (far > case.radius + 1e-6) | (points.flatten(1) < -1e-6).any(1) | (points.flatten(1) > 1 + 1e-6).any(1)
            ).sum()
        ),
    }


def measure(case: Case, repetitions: int) -> dict[str, dict[str, float]]:
    runs = contestants(case)
    for run in runs.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    judged: dict[str, list[dict[str, float]]] = {name: [] for name in runs}
    names = list(runs)
    for repetition in range(repetitions):
        turn = repetition % len(names)
        for name in names[turn:] + names[:turn]:
            took, points = cpu(runs[name])
            seconds[name].append(took)
            judged[name].append(judge(case, points))
    return {name: summary(name, seconds, judged[name]) for name in names}


def summary(name: str, seconds: dict[str, list[float]], judged: list[dict[str, float]]) -> dict[str, float]:
    """Medians over the repetitions; ratios are taken within a repetition."""
    mine, against = seconds[name], [a / b for a, b in zip(seconds[name], seconds["casemate"], strict=True)]
    to_raw = [a / b for a, b in zip(mine, seconds["raw 40 passes"], strict=True)]
    return {
        "cpu seconds": statistics.median(mine),
        "cpu seconds, least": min(mine),
        "cpu seconds, most": max(mine),
        "times casemate": statistics.median(against),
        "times casemate, least": min(against),
        "times casemate, most": max(against),
        "times raw": statistics.median(to_raw),
        "times raw, least": min(to_raw),
        "times raw, most": max(to_raw),
        "robust accuracy": statistics.median(j["robust accuracy"] for j in judged),
        "largest distance": max(j["largest distance"] for j in judged),
        "rows outside radius or box": max(j["rows outside radius or box"] for j in judged),
    }


def table(name: str, rows: dict[str, dict[str, float]]) -> str:
    lines = [
        f"\n### {name}\n",
        "| | CPU s (spread) | x Casemate (spread) | x raw (spread) | robust | outside |",
        "|---|" + "---|" * 5,
    ]
    for who, r in rows.items():
        spreads = [
            f"{r[key]:.3g} ({r[f'{key}, least']:.3g}-{r[f'{key}, most']:.3g})"
            for key in ("cpu seconds", "times casemate", "times raw")
        ]
        robust = "-" if who.startswith("raw") else f"{r['robust accuracy']:.3f}"
        lines.append(f"| {who} | {' | '.join(spreads)} | {robust} | {r['rows outside radius or box']:.0f} |")
    return "\n".join(lines)


def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in ("numpy", "torch", "adversarial-robustness-toolbox", "foolbox", "torchattacks"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--repetitions", type=int, default=7)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    x_train, y_train, x_test, y_test = load(given.data)
    passes = max(3, round(180_000 / len(x_train)))
    plain, hardened = train(x_train, y_train, 0.0, passes), train(x_train, y_train, 0.3, 2 * passes)
    accuracy = {
        name: float((model(x_test).argmax(1) == y_test).float().mean())
        for name, model in (("undefended", plain), ("adversarially trained", hardened))
    }
    print(f"accuracy: {accuracy}")
    x, y = x_test[: given.points], y_test[: given.points]
    cases = (
        Case("undefended, radius .3", plain, x, y, 0.3),
        Case("undefended, radius .1", plain, x, y, 0.1),
        Case("adversarially trained, radius .3", hardened, x, y, 0.3),
    )
    results = {}
    for case in cases:
        results[case.name] = measure(case, given.repetitions)
        print(table(case.name, results[case.name]), flush=True)
    record = {
        "points": len(x), "steps": STEPS, "repetitions": given.repetitions, "threads": 1,
        "data": "given" if given.data else "digits", "accuracy": accuracy, "versions": versions(), "results": results,
    }  # fmt: skip
    if given.output:
        given.output.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
