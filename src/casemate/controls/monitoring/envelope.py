"""Input envelope: rows that could not be, or that lie far from everything the model was trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta

from casemate.core.control import Control, Fitting, control, learned
from casemate.core.dataset import Dataset
from casemate.core.errors import ControlFailed
from casemate.core.model import Model
from casemate.core.request import Request
from casemate.core.schema import Schema

ID = "monitoring.envelope"
MAX_FIT_ROWS = 20_000
# A column's spread within a class counts as at least this share of its range, and the covariance is shrunk at least
# this much: constant and collinear columns have a finite, steep wall instead of an infinite one.
SPREAD_FLOOR = 1e-3
LEAST_SHRINKAGE = 1e-3


@control(
    ID,
    mitigates=("evasion", "model-extraction"),
    limit="adversarial rows on the data's own manifold or within a small radius, and attackers who aim below the "
    "threshold (Carlini & Wagner, AISec 2017); extraction with natural rows",
)
class Envelope(Control):
    """Check type, range, and Mahalanobis distance to the nearest class, with a calibrated false-alarm rate.

    A row is impossible when it holds a value that is not finite, not whole where its column is, or outside the
    schema's range, or when a one-hot group does not hold exactly one 1. Impossible rows are always refused: a model's
    answer to them means nothing. A possible row that lies too far out meets ``action``: ``"refuse"`` or ``"alarm"``.
    A refusal shows an attacker where the wall is, and decision-based attacks then walk along it; an alarm stays silent.

    The distance is to the nearest class mean, under one shrunk covariance that all classes share: between the classes
    of a mixture lies a void, where adversarial rows like to be and a single pooled mean would see nothing odd.

    The threshold is split-conformal: of honest rows that are exchangeable with the calibration rows, at most
    ``false_alarm_rate`` are refused or raise an alarm, on average over calibrations. Mean and covariance are fitted on
    training rows; the threshold is calibrated on the trusted set, or without one on half of the training rows.

    Numbers may exceed their range by ``range_tolerance`` of its width. The default is wide, for ranges that were read
    off the data: honest rows exceed those. Set 0 where ranges were declared. Booleans and categories have no tolerance.

    Source: Lee, Lee, Lee & Shin, NeurIPS 2018 (class-conditional Mahalanobis distance); Ledoit & Wolf, Journal of
    Multivariate Analysis 88 (2004); Vovk, Gammerman & Shafer, "Algorithmic Learning in a Random World" (2005).
    """

    false_alarm_rate: Annotated[
        float, Meta(gt=0, lt=1, description="Share of honest rows that may be refused or raise an alarm.")
    ] = 0.01
    action: Annotated[
        Literal["refuse", "alarm"], Meta(description="What meets a possible row that lies too far out.")
    ] = "refuse"
    range_tolerance: Annotated[
        float, Meta(ge=0, description="How far a number may exceed its range, as a share of the range's width.")
    ] = 0.5
    region: Region | None = learned()

    def calibrate(self, model: Model, fitting: Fitting) -> Envelope:
        """Return the control with its region: means, covariance and threshold.

        Raises:
            ControlFailed: too few rows for the false-alarm rate, or calibration rows that are impossible.
        """
        fit, held_out = split(fitting)
        needed = rows_needed(self.false_alarm_rate)
        if len(held_out) < needed:
            possible = math.ceil(1000 / (len(held_out) + 1)) / 1000
            raise ControlFailed(
                f"{ID} has {len(held_out)} rows to calibrate on; a false-alarm rate of {self.false_alarm_rate:g} "
                f"needs {needed}",
                where="[data] trusted" if fitting.trusted is not None else "[data] train, of which half calibrate",
                why="with fewer rows no threshold can promise the rate",
                fix=f"give more rows, or set false-alarm-rate to {possible} or more",
            )
        if not len(fit):
            raise ControlFailed(
                f"{ID} has no training row to fit that is not also a trusted row",
                where="[data] trusted",
                why="a threshold calibrated on the rows that were fitted would be too low",
                fix="trust a part of the training rows, or rows of their own",
            )
        region = Region.around(fit, self.range_tolerance)
        distances = region.distance(held_out.X)
        threshold = conformal_threshold(distances, self.false_alarm_rate)
        if math.isinf(threshold):
            raise _impossible(held_out, region, f"{int(np.isinf(distances).sum())} of {len(held_out)} calibration rows")
        return replace(self, region=replace(region, threshold=threshold))

    def on_request(self, request: Request) -> Request:
        """Refuse impossible rows; refuse possible rows that lie too far out, or raise an alarm on them.

        Raises:
            ControlFailed: the control was never calibrated.
        """
        if self.region is None:
            raise ControlFailed(f"{ID} was not calibrated", fix="build the system before asking it")
        distance = self.region.distance(request.X)
        impossible = np.isinf(distance)
        far = ~impossible & ~(distance <= self.region.threshold)
        request = request.refuse(impossible, ID, "a value is not finite, of the wrong kind or out of its range")
        mark = request.refuse if self.action == "refuse" else request.alarm
        return mark(far, ID, "far from the rows that the model was trained on")


@dataclass(frozen=True, eq=False)
class Region:
    """Where honest rows lie.

    Args:
        schema: the columns.
        low, high: what a value may be, tolerance included, (d,).
        origin: the mean of all rows, (d,).
        whitening: (d, d), after which the shared covariance is the identity.
        centres: the class means, whitened, (k, d).
        threshold: the largest distance of an honest row.
    """

    schema: Schema
    low: np.ndarray
    high: np.ndarray
    origin: np.ndarray
    whitening: np.ndarray
    centres: np.ndarray
    threshold: float = math.inf

    @classmethod
    def around(cls, data: Dataset, tolerance: float) -> Region:
        """Fit a region, without a threshold yet, to labelled rows; impossible ones are left out.

        Raises:
            ControlFailed: all rows are impossible.
        """
        schema = data.schema
        exact = np.array([column.kind in ("boolean", "category") for column in schema.columns])
        # Rounding to float32 and back is no violation.
        slack = np.where(exact, 1e-6, max(tolerance, 1e-6)) * schema.span
        d = schema.features
        region = cls(schema, schema.low - slack, schema.high + slack, np.zeros(d), np.eye(d), np.zeros((1, d)))
        possible = region.possible(data.X)
        if not possible.any():
            raise _impossible(data, region, f"all of {len(data)} training rows to fit")
        data = data.take(np.flatnonzero(possible))
        origin = data.X.mean(axis=0)
        labels, codes = np.unique(data.y, return_inverse=True)
        means = np.array([data.X[codes == code].mean(axis=0) for code in range(len(labels))])
        whitening = whiten((data.X - means[codes]) / schema.span) / schema.span[:, None]
        return replace(region, origin=origin, whitening=whitening, centres=(means - origin) @ whitening)

    def possible(self, X: np.ndarray) -> np.ndarray:
        """Return for each row of ``X`` (n, d) whether it can exist, (n,) bool."""
        fine = self._in_range(X) & self._whole(X)
        ok = np.asarray(fine.all(axis=1))
        for group in self.schema.one_hot_groups:
            members = X[:, group]
            ok &= (np.abs(members.max(axis=1) - 1) <= 1e-6) & (np.abs(np.abs(members).sum(axis=1) - 1) <= 1e-6)
        return ok

    def distance(self, X: np.ndarray) -> np.ndarray:
        """Return each row's squared Mahalanobis distance to the nearest class mean, (n,); inf where impossible."""
        possible = self.possible(X)
        points = (np.where(possible[:, None], X, self.origin) - self.origin) @ self.whitening
        squares = (points**2).sum(axis=1)[:, None] - 2 * points @ self.centres.T + (self.centres**2).sum(axis=1)
        return np.where(possible, np.maximum(squares, 0.0).min(axis=1), np.inf)

    def offenders(self, data: Dataset) -> tuple[str, ...]:
        """Return the names of up to five columns in which rows are out of range, or not whole where they should be."""
        bad = ~(self._in_range(data.X) & self._whole(data.X)).all(axis=0)
        return tuple(self.schema.names[column] for column in np.flatnonzero(bad)[:5])

    def _in_range(self, X: np.ndarray) -> np.ndarray:
        return np.asarray((self.low <= X) & (self.high >= X))  # NaN is neither

    def _whole(self, X: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):  # infinity minus itself; out of range anyway
            return np.asarray(~self.schema.integral | (np.abs(X - np.rint(X)) <= 1e-6))


def _impossible(data: Dataset, region: Region, which: str) -> ControlFailed:
    return ControlFailed(
        f"{which} are impossible by the schema",
        where=f"{ID}, columns {', '.join(region.offenders(data)) or 'of one-hot groups'}",
        why="honest rows like them would be refused",
        fix="declare the columns' true ranges and kinds, or raise range-tolerance",
    )


def whiten(residuals: np.ndarray) -> np.ndarray:
    """Return a (d, d) matrix under which residuals (n, d), in the unit box, have about the identity as covariance."""
    from sklearn.covariance import ledoit_wolf_shrinkage

    spread = np.maximum(np.sqrt((residuals**2).mean(axis=0)), SPREAD_FLOOR)
    scaled = residuals / spread
    shrinkage = max(float(ledoit_wolf_shrinkage(scaled, assume_centered=True)), LEAST_SHRINKAGE)
    covariance = (1 - shrinkage) * (scaled.T @ scaled) / len(scaled)
    np.fill_diagonal(covariance, 1.0)  # the shrinkage target, and what a spread at its floor lacks
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)).T / spread[:, None])


def conformal_threshold(scores: np.ndarray, rate: float) -> float:
    """Return the smallest of ``scores`` (n,) that a further, exchangeable score exceeds with probability <= ``rate``.

    It is the one of rank ceil((n + 1) (1 - rate)). ``n`` is at least `rows_needed`.

    Source: Vovk, Gammerman & Shafer, "Algorithmic Learning in a Random World" (2005), section 4.1 (inductive).
    """
    allowed = math.floor((len(scores) + 1) * rate + 1e-9)  # 0.29 * 100 must allow 29
    return float(np.sort(scores)[max(0, len(scores) - allowed)])


def rows_needed(rate: float) -> int:
    """Return how many calibration rows it takes to promise a rate in (0, 1)."""
    return math.ceil(1 / rate - 1e-9) - 1


def split(fitting: Fitting) -> tuple[Dataset, Dataset]:
    """Return the rows to fit and the rows to calibrate on, which must not overlap.

    A trusted set calibrates, since poisoned training rows then cannot move the threshold; its rows, where they are
    training rows too, are not fitted.
    """
    data, trusted = fitting.data, fitting.trusted
    order = fitting.rng.permutation(len(data))
    if trusted is None:
        half = len(data) // 2
        return data.take(order[: min(half, MAX_FIT_ROWS)]), data.take(order[half:])
    vouched = {row.tobytes() for row in trusted.X}
    others = np.array([row for row in order if data.X[row].tobytes() not in vouched], dtype=np.int64)
    return data.take(others[:MAX_FIT_ROWS]), trusted
