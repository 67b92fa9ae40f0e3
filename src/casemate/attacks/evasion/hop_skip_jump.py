"""HopSkipJump: walk along the decision boundary towards each row, by labels alone.

A round moves a point on the boundary along the estimated normal, far enough to be safely wrong, and back to the
boundary: on the straight line (l2) or through shrinking boxes (linf). All rows walk in step, one batch of queries per
move. A row stops as soon as it is within the radius; what it leaves of the budget goes to the others.

Where this differs from the paper: starts are other rows of the attacker's, which need no luck; the radius is tried
before the boundary is looked for; probes reach further, and further still where all of them agree (on the plateaus of
trees, or when a guard refuses all), instead of following noise; earlier rounds' estimates of the normal are kept in
mind, less and less; the boundary is found as finely as the probes notice, and no finer; a step is halved a limited
number of times.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from casemate.attacks.evasion import twin
from casemate.attacks.evasion.oracle import Oracle
from casemate.core.access import Access
from casemate.core.attack import attack
from casemate.core.evidence import Evidence
from casemate.core.target import Target

QUERIES_PER_ROW = 1000
STARTS = 10
NOISE_TRIES = 20
FIRST_PROBES = 50  # B_0; the paper's 100 are no better on smooth models, and worse on trees
REACH = 20.0  # of probes, in the paper's delta = distance / dimension, which trees do not notice ...
LONGEST_REACH = 0.3  # ... and at first no more than this share of the distance
MEMORY = {"linf": 0.8, "l2": 0.3}  # of earlier estimates, by round; in l2 the point itself remembers most of them
SHARPNESS = {"linf": 0.25, "l2": 0.7}  # how finely the boundary is found, as a share of what probes gain on it ...
COARSEST = 0.01  # ... and of the distance; the paper's theta asks for more halvings than that
HALVINGS = 12
BLOCK = 400_000  # numbers drawn at once: what fits in a cache, and is a good batch to most models


@attack(
    "evasion.hop-skip-jump",
    threat="evasion",
    needs=Access.black_box(queries_per_row=QUERIES_PER_ROW, norm="linf", radius=0.1),
    norms=("linf", "l2"),
    twin=twin.narrow_margins,
)
def hop_skip_jump(target: Target) -> Evidence:
    """HopSkipJump: labels only, any model, linf or l2 within the unit box; refused answers count as failures.

    Rows that did not come within the radius are presented at their nearest wrong answer, pulled into the radius.
    One-hot groups, and whole numbers further apart than the radius, stay as they are.

    Source: Chen, Jordan & Wainwright, "HopSkipJumpAttack: A Query-Efficient Decision-Based Attack", IEEE S&P 2020
    (arXiv 1904.02144), algorithm 2.
    """
    victims, budget = target.victims, target.budget
    assert budget.radius is not None  # the declared needs hold a default
    norm = budget.norm or "linf"
    oracle = Oracle(target, victims, norm, budget.radius, QUERIES_PER_ROW * len(victims))
    _Walk(oracle, target.rng).run()
    evidence = target.present(oracle.finished(), origin=victims)
    reached = oracle.nearest[np.isfinite(oracle.nearest)]
    if not len(reached):
        return replace(evidence, notes=(*evidence.notes, "no wrong answer was found anywhere to start from"))
    return replace(evidence, figures={**evidence.figures, f"median {norm} distance reached": float(np.median(reached))})


class _Walk:
    """Where each row stands on the boundary, and how far its probes reach."""

    def __init__(self, oracle: Oracle, rng: np.random.Generator) -> None:
        self.oracle, self.rng = oracle, rng
        self.boundary = oracle.home.copy()
        self.dimension = max(1, int(oracle.movable.sum()))
        reach = min(REACH / self.dimension, LONGEST_REACH)
        self.reach = np.full(len(self.boundary), reach)
        # A probe in a random direction comes 1 / sqrt(d) of its reach nearer to the boundary, or further.
        self.precision = min(SHARPNESS[oracle.norm] * reach / np.sqrt(self.dimension), COARSEST)
        self.bisections = int(np.ceil(-np.log2(self.precision)))
        self.trail = np.zeros_like(self.boundary)

    def run(self) -> None:
        """Find starts; then rounds of estimate, jump, return, until the budget is spent or every row is done."""
        self.start()
        count = 0
        while len(rows := np.flatnonzero(np.isfinite(self.oracle.nearest) & ~self.oracle.done)) and self.oracle.left:
            count += 1
            rows, probes = self.affordable(rows, int(FIRST_PROBES * np.sqrt(count)))
            direction, told = self.normals(rows, probes)
            self.trail[rows] = direction = MEMORY[self.oracle.norm] * self.trail[rows] + direction
            self.reach[rows[~told]] = np.minimum(2 * self.reach[rows[~told]], 1.0)
            points, landed = self.jump(rows[told], direction[told], 1 / np.sqrt(count))
            self.settle(points, landed)

    def affordable(self, rows: np.ndarray, probes: int) -> tuple[np.ndarray, int]:
        """Return the rows and probes of a round; where the budget lacks a whole one, the nearest rows go first."""
        walk_back = self.bisections + 4
        share = max(1, self.oracle.left // (probes + walk_back))
        if share >= len(rows):
            return rows, probes
        rows = np.sort(rows[np.argsort(self.oracle.nearest[rows], kind="stable")[:share]])
        return rows, min(probes, max(1, self.oracle.left // len(rows) - walk_back))

    # Starting.

    def start(self) -> None:
        """Give each row a wrong answer to start from: its nearest fellows of another class, else noise."""
        oracle = self.oracle
        self.enter(*self.fellows())
        for attempt in range(NOISE_TRIES):
            rows = np.flatnonzero(np.isinf(oracle.nearest))
            if not len(rows) or not oracle.left or not oracle.movable.any():
                return
            share = 1 - attempt / NOISE_TRIES  # less and less noise: a guard may refuse what looks odd
            noise = self.rng.random((len(rows), oracle.home.shape[1]))
            self.enter(oracle.home[rows] + share * (noise - oracle.home[rows]), rows)

    def fellows(self) -> tuple[np.ndarray, np.ndarray]:
        """Return for each row its nearest victims of other classes: they are answered differently."""
        oracle, y = self.oracle, self.oracle.origin.y
        points, rows = [oracle.home[:0]], [np.empty(0, dtype=np.int64)]
        for row in range(len(y)):
            others = np.flatnonzero(y != y[row])
            far = oracle.length((oracle.home[others] - oracle.home[row]) * oracle.movable) if len(others) else others
            chosen = others[np.argsort(far, kind="stable")[:STARTS]]
            points.append(oracle.home[chosen])
            rows.append(np.full(len(chosen), row))
        return np.concatenate(points), np.concatenate(rows)

    def enter(self, points: np.ndarray, rows: np.ndarray) -> None:
        """Bring the wrong ones among the points to the boundary; each row starts from its nearest."""
        points = np.where(self.oracle.movable, points, self.oracle.home[rows])
        wrong = self.oracle.attempt(points, rows)
        self.settle(points[wrong], rows[wrong])

    # Walking.

    def normals(self, rows: np.ndarray, probes: int) -> tuple[np.ndarray, np.ndarray]:
        """Estimate the boundary's normals at the rows' points, (k, d); and whether the probes told anything, (k,)."""
        block = max(1, BLOCK // (probes * self.boundary.shape[1]))
        parts = [self.probe(rows[start : start + block], probes) for start in range(0, len(rows), block)]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def probe(self, rows: np.ndarray, probes: int) -> tuple[np.ndarray, np.ndarray]:
        """The paper's Monte Carlo estimate, less the mean answer, which lowers its variance (section III-C)."""
        oracle, at = self.oracle, self.boundary[rows]
        shape = (len(rows), probes, at.shape[1])
        noise = self.rng.standard_normal(shape) if oracle.norm == "l2" else self.rng.uniform(-1, 1, shape)
        noise *= oracle.movable
        noise /= np.linalg.norm(noise, axis=2, keepdims=True)
        size = self.reach[rows] * oracle.length(at - oracle.home[rows])
        noise *= np.maximum(size[:, None], oracle.grain)[:, None, :]
        many = np.repeat(rows, probes)
        X = oracle.place((at[:, None, :] + noise).reshape(-1, at.shape[1]), many)
        sign = np.where(oracle.wrong(X, many), 1.0, -1.0).reshape(shape[:2])
        moved = oracle.schema.to_unit(X).reshape(shape) - at[:, None, :]
        spread = sign - sign.mean(axis=1, keepdims=True)
        unit = np.maximum(size, oracle.grain.max())[:, None]  # rounds far from home and near to it can be added up
        return np.einsum("kb,kbd->kd", spread, moved) / unit, (spread != 0).any(axis=1)

    def jump(self, rows: np.ndarray, direction: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Step along the normals by a share of the distance, halved until the answer is wrong.

        Returns the points that are wrong, (m, d), and their rows, (m,).
        """
        oracle, at = self.oracle, self.boundary[rows]
        if oracle.norm == "linf":
            direction = np.sign(direction)
        direction = direction / oracle.length(direction)[:, None]
        size = share * oracle.length(at - oracle.home[rows])
        points, landed = at.copy(), np.zeros(len(rows), dtype=bool)
        for _ in range(HALVINGS):
            trying = np.flatnonzero(~landed & ~oracle.done[rows])
            if not len(trying) or not oracle.left:
                break
            step = np.clip(at[trying] + size[trying, None] * direction[trying], 0, 1)
            wrong = oracle.attempt(step, rows[trying])
            points[trying[wrong]], landed[trying[wrong]] = step[wrong], True
            size[trying] /= 2
        return points[landed], rows[landed]

    def settle(self, points: np.ndarray, rows: np.ndarray) -> None:
        """Halve the way between home and wrong points (m, d) down to the boundary; its wrong side is where rows stand.

        The first question is asked at the radius: nothing nearer is needed. Of several points of a row, the nearest
        counts.
        """
        oracle, home = self.oracle, self.oracle.home[rows]
        shift = points - home
        low, high = np.zeros(len(rows)), np.ones(len(rows))
        middle = np.minimum(oracle.radius / oracle.length(shift) * (1 - 1e-9), 0.5)
        for _ in range(1 + 2 * self.bisections):  # twice: a start may lie many times further than the boundary does
            going = np.flatnonzero(~oracle.done[rows] & (high - low > self.precision * high))
            if not len(going) or not oracle.left:
                break
            wrong = oracle.attempt(home[going] + oracle.shrink(shift[going], middle[going]), rows[going])
            high[going[wrong]], low[going[~wrong]] = middle[going[wrong]], middle[going[~wrong]]
            middle = (low + high) / 2
        shift = oracle.shrink(shift, high)
        order = np.argsort(-oracle.length(shift), kind="stable")
        self.boundary[rows[order]] = (home + shift)[order]  # of several writes the last stays: the nearest
