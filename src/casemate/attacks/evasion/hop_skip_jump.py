"""HopSkipJump: walk along the decision boundary towards each row, by labels alone.

Source: Chen, Jordan & Wainwright, "HopSkipJumpAttack: A Query-Efficient Decision-Based Attack", IEEE S&P 2020
(arXiv 1904.02144), algorithm 2. A round moves a point on the boundary along the estimated normal, far enough to be
safely wrong, and back to the boundary on the straight line (l2) or through shrinking boxes (linf).

All rows walk in step, one batch of queries per move. A row stops as soon as it is within the radius, and what it
leaves of the budget goes to the others. Beyond the paper: starts are other rows of the attacker's, which cost no luck;
a row whose probes all agree (a plateau, or a boundary too near or too far) widens its probes instead of following
noise; columns that cannot change within the radius are left alone from the start.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from casemate.attacks.evasion import twin
from casemate.core.access import Access, Norm
from casemate.core.attack import attack
from casemate.core.dataset import Dataset
from casemate.core.evidence import Evidence
from casemate.core.request import REFUSED
from casemate.core.schema import distance
from casemate.core.target import Target

QUERIES_PER_ROW = 1000
STARTS = 5
NOISE_TRIES = 20
FIRST_PROBES = 50  # the paper's B_0 is 100; with fewer, trees fall sooner and smooth models no later
WIDEN = 10.0  # probes reach so many times the paper's delta, which trees do not notice
HALVINGS = 12  # of a step; the paper halves for ever
BLOCK = 4_000_000  # numbers asked about at once


@attack(
    "evasion.hop-skip-jump",
    threat="evasion",
    needs=Access.black_box(queries_per_row=QUERIES_PER_ROW, norm="linf", radius=0.1),
    norms=("linf", "l2"),
    twin=twin.narrow_margins,
)
def hop_skip_jump(target: Target) -> Evidence:
    """Chen, Jordan & Wainwright, IEEE S&P 2020: labels only, any model, linf or l2 within the unit box.

    Refused answers count as failures. What is presented lies within the radius: for rows that did not get there, the
    nearest wrongly answered point, pulled in.
    """
    budget = target.budget
    assert budget.radius is not None  # the declared needs hold a default
    walk = _Walk(target, target.victims, budget.norm or "linf", budget.radius)
    walk.start()
    walk.run()
    evidence = target.present(walk.within_radius(), origin=walk.origin)
    reached = walk.nearest[np.isfinite(walk.nearest)]
    if not len(reached):
        return evidence
    figures = {**evidence.figures, f"median {walk.norm} distance reached": float(np.median(reached))}
    return replace(evidence, figures=figures)


@dataclass
class _Walk:
    """Where each row has got to. Points are in the unit box; ``rows`` (k,) says which row each point (k, d) is for."""

    target: Target
    origin: Dataset
    norm: Norm
    radius: float
    pool: int = field(init=False)
    home: np.ndarray = field(init=False)
    movable: np.ndarray = field(init=False)
    best: np.ndarray = field(init=False)
    nearest: np.ndarray = field(init=False)
    boundary: np.ndarray = field(init=False)
    widen: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        n, left = len(self.origin), self.target.queries_left
        self.pool = QUERIES_PER_ROW * n if left is None else left
        self.home = self.origin.schema.to_unit(self.origin.X)
        self.movable = _movable(self.origin, self.norm, self.radius)
        self.best = self.origin.X.copy()  # nearest wrongly answered row so far, in the columns' own units
        self.nearest = np.full(n, np.inf)
        self.boundary = self.home.copy()
        self.widen = np.full(n, WIDEN)  # how far probes reach, relative to the paper's delta

    @property
    def dimension(self) -> int:
        return max(2, int(self.movable.sum()))

    @property
    def precision(self) -> float:
        """The paper's theta: how close to the boundary a search ends, as a share of the distance."""
        return self.dimension ** (-2.0 if self.norm == "linf" else -1.5)

    # Asking.

    def place(self, points: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the possible rows nearest to the points, in the columns' own units."""
        schema = self.origin.schema
        points = np.where(self.movable, points, self.home[rows])
        return schema.project(schema.from_unit(points), self.origin.X[rows])

    def wrong(self, X: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Ask, and return which are answered and answered wrongly, (k,) bool; what the budget lacks is not asked."""
        answer = np.zeros(len(X), dtype=bool)
        asked = min(len(X), self.pool)
        if asked:
            labels = self.target.labels(X[:asked])
            self.pool -= asked
            answer[:asked] = (labels != self.origin.y[rows[:asked]]) & (labels != REFUSED)
        return answer

    def attempt(self, points: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Ask about points, remember the nearest wrong one of each row, and return which are wrong."""
        X = self.place(points, rows)
        answer = self.wrong(X, rows)
        far = distance(self.origin.schema, X, self.origin.X[rows], self.norm)
        for k in np.flatnonzero(answer & (far < self.nearest[rows])):
            if far[k] < self.nearest[rows[k]]:
                self.nearest[rows[k]], self.best[rows[k]] = far[k], X[k]
        return answer

    def unfinished(self, rows: np.ndarray) -> np.ndarray:
        return self.nearest[rows] > self.radius

    # Starting.

    def start(self) -> None:
        """Find a wrongly answered point for each row: its nearest fellows of another class, else noise."""
        points, rows = self.fellows()
        self.enter(points, rows)
        rows = np.flatnonzero(np.isinf(self.nearest) & self.movable.any())
        for attempt in range(NOISE_TRIES):
            if not len(rows) or not self.pool:
                return
            share = 1 - attempt / NOISE_TRIES  # less and less noise: a guard may refuse what looks odd
            noise = self.target.rng.random((len(rows), self.home.shape[1]))
            self.enter(self.home[rows] + share * (noise - self.home[rows]), rows)
            rows = rows[np.isinf(self.nearest[rows])]

    def fellows(self) -> tuple[np.ndarray, np.ndarray]:
        """Return for each row its `STARTS` nearest victims of other classes, which are answered differently."""
        points, rows = [self.home[:0]], [np.empty(0, dtype=np.int64)]
        for row, y in enumerate(self.origin.y):
            others = np.flatnonzero(self.origin.y != y)
            far = self.length((self.home[others] - self.home[row]) * self.movable)
            chosen = others[np.argsort(far, kind="stable")[:STARTS]]
            points.append(self.home[chosen])
            rows.append(np.full(len(chosen), row))
        return np.concatenate(points), np.concatenate(rows)

    def enter(self, points: np.ndarray, rows: np.ndarray) -> None:
        """Walk the wrong ones among the points to the boundary; each row starts from its nearest."""
        points = np.where(self.movable, points, self.home[rows])
        wrong = self.attempt(points, rows)
        points, rows = self.to_boundary(points[wrong], rows[wrong])
        order = np.argsort(-self.length(points - self.home[rows]), kind="stable")
        self.boundary[rows[order]] = points[order]  # the nearest is written last

    # Walking.

    def run(self) -> None:
        """Rounds of estimate, jump, return; until the budget is spent or every row is within the radius."""
        round_ = 0
        while self.pool:
            rows = np.flatnonzero(np.isfinite(self.nearest) & (self.nearest > self.radius))
            if not len(rows):
                return
            round_ += 1
            probes = int(FIRST_PROBES * np.sqrt(round_))
            back = 4 + int(np.ceil(-np.log2(self.precision)))
            share = max(1, self.pool // (probes + back))
            if share < len(rows):  # the last round: only the nearest can still be served
                rows = np.sort(rows[np.argsort(self.nearest[rows], kind="stable")[:share]])
                probes = min(probes, max(1, self.pool // len(rows) - back))
            direction, seen = self.normal(rows, probes)
            self.widen[rows] = np.where(seen, self.widen[rows], self.widen[rows] * 2)
            points, rows = self.jump(rows[seen], direction[seen], round_)
            points, rows = self.to_boundary(points, rows)
            self.boundary[rows] = points

    def normal(self, rows: np.ndarray, probes: int) -> tuple[np.ndarray, np.ndarray]:
        """Estimate the boundary's normals at the rows' points, (k, d); and whether the probes told anything, (k,).

        The paper's estimate with the mean answer subtracted (section III-C), which lowers its variance.
        """
        d = self.home.shape[1]
        direction, seen = np.zeros((len(rows), d)), np.zeros(len(rows), dtype=bool)
        block = max(1, BLOCK // (probes * d))
        for start in range(0, len(rows), block):
            part = slice(start, start + block)
            direction[part], seen[part] = self.probe(rows[part], probes)
        return direction, seen

    def probe(self, rows: np.ndarray, probes: int) -> tuple[np.ndarray, np.ndarray]:
        d, rng = self.home.shape[1], self.target.rng
        at = self.boundary[rows]
        far = self.length(at - self.home[rows])
        reach = np.minimum(self.widen[rows] / self.dimension, 1.0) * far
        shape = (len(rows), probes, d)
        noise = (rng.standard_normal(shape) if self.norm == "l2" else rng.uniform(-1, 1, shape)) * self.movable
        noise /= np.linalg.norm(noise, axis=2, keepdims=True)
        noise *= np.maximum(reach[:, None], self.grain)[:, None, :]
        many = np.repeat(rows, probes)
        X = self.place((at[:, None, :] + noise).reshape(-1, d), many)
        sign = np.where(self.wrong(X, many), 1.0, -1.0).reshape(len(rows), probes)
        moved = self.origin.schema.to_unit(X).reshape(shape) - at[:, None, :]
        spread = sign - sign.mean(axis=1, keepdims=True)
        return np.einsum("kb,kbd->kd", spread, moved), (spread != 0).any(axis=1)

    @property
    def grain(self) -> np.ndarray:
        """Smallest change that shows in each column, (d,): one for whole numbers."""
        schema = self.origin.schema
        return np.where(schema.integral, 1 / schema.span, 0.0)

    def jump(self, rows: np.ndarray, direction: np.ndarray, round_: int) -> tuple[np.ndarray, np.ndarray]:
        """Step along the normals, halving until the answer is wrong; return the points that are, and their rows."""
        if self.norm == "linf":
            direction = np.sign(direction)
        else:
            direction = direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-300)
        at = self.boundary[rows]
        size = self.length(at - self.home[rows]) / np.sqrt(round_)
        points, landed = at.copy(), np.zeros(len(rows), dtype=bool)
        for _ in range(HALVINGS):
            trying = np.flatnonzero(~landed & self.unfinished(rows))
            if not len(trying) or not self.pool:
                break
            step = np.clip(at[trying] + size[trying, None] * direction[trying], 0, 1)
            wrong = self.attempt(step, rows[trying])
            points[trying[wrong]], landed[trying[wrong]] = step[wrong], True
            size[trying] /= 2
        return points[landed], rows[landed]

    def to_boundary(self, points: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Halve the way between home and wrong points down to the boundary; return its wrong side, and the rows.

        The first question is asked at the radius: nothing nearer is needed.
        """
        home = self.home[rows]
        shift = points - home
        far = np.maximum(self.length(shift), 1e-300)
        low, high = np.zeros(len(rows)), np.ones(len(rows))
        share = np.minimum(self.radius / far * (1 - 1e-9), 0.5)
        for _ in range(1 + int(np.ceil(-np.log2(self.precision)))):
            going = np.flatnonzero(self.unfinished(rows) & (high - low > self.precision))
            if not len(going) or not self.pool:
                break
            middle = share[going]
            wrong = self.attempt(home[going] + self.shrink(shift[going], middle, far[going]), rows[going])
            high[going[wrong]], low[going[~wrong]] = middle[wrong], middle[~wrong]
            share = (low + high) / 2
        return home + self.shrink(shift, high, far), rows

    def shrink(self, shift: np.ndarray, share: np.ndarray, far: np.ndarray) -> np.ndarray:
        """Bring shifts to a share of their length: l2 along the line, linf by cutting what sticks out."""
        if self.norm == "l2":
            return shift * share[:, None]
        limit = (share * far)[:, None]
        return np.clip(shift, -limit, limit)

    def length(self, shift: np.ndarray) -> np.ndarray:
        size = np.abs(shift).max(axis=1) if self.norm == "linf" else np.linalg.norm(shift, axis=1)
        return np.asarray(size)

    def within_radius(self) -> np.ndarray:
        """Return the best rows, (n, d) in the columns' own units, pulled into the radius where they are outside."""
        rows = np.arange(len(self.best))
        shift = self.origin.schema.to_unit(self.best) - self.home
        far = np.maximum(self.length(shift), 1e-300)
        pulled = self.place(self.home + self.shrink(shift, np.minimum(self.radius / far, 1), far), rows)
        return np.where((self.nearest > self.radius)[:, None], pulled, self.best)


def _movable(origin: Dataset, norm: Norm, radius: float) -> np.ndarray:
    """Columns that a row within the radius may differ in: no whole number wider apart, no one-hot group."""
    schema = origin.schema
    movable = schema.mutable & ~(schema.integral & (1 / schema.span > radius * (1 + 1e-9)))
    for group in schema.one_hot_groups:
        if radius < (1.0 if norm == "linf" else np.sqrt(2)):
            movable[group] = False
    return np.asarray(movable)
