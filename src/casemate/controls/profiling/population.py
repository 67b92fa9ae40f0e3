"""Estimates for a population that the table is a sample of. They are estimates: models, not counts."""

from __future__ import annotations

import math

import numpy as np

_LARGE = 60
"""Class sizes from which the expected inverse is taken at the expected size."""


def inverse_size(sizes: np.ndarray, fraction: float) -> np.ndarray:
    """Return the expected inverse of the population's class, given the rows of it in the sample, (c,) in (0, 1].

    The size in the population, given f rows in the sample, is taken as negative binomial with f and ``fraction``.

    Source: Benedetti & Franconi, NTTS 1998, as in mu-Argus and sdcMicro.

    Args:
        sizes: rows in the sample, (c,) at least 1.
        fraction: the share of the population that the sample holds, in (0, 1].
    """
    if fraction >= 1:
        return 1 / sizes
    return np.array([_inverse(int(size), fraction) for size in sizes])


def _inverse(size: int, p: float) -> float:
    # E[1/F] is the integral of s^(f-1) p^f / (1 - (1-p) s)^f over s in 0 to 1: smooth, so a fixed rule does.
    if size > _LARGE:
        return p / size * (1 + (1 - p) / size)
    if size == 1:
        return p / (1 - p) * math.log(1 / p)
    from scipy.integrate import quad

    # With u = p s / (1 - (1-p) s) the integrand is u^(f-1) / (1 + u (1-p)/p) * 1 ... over 0 to 1.
    q = 1 - p
    value, _ = quad(lambda u: u ** (size - 1) * p / (p + q * u), 0.0, 1.0)
    return float(value)


def pitman(sizes: np.ndarray, population: int) -> float | None:
    """Return the estimated share of a population that is unique in it, in 0 to 1; None where the model does not fit.

    Pitman's sampling formula, fitted by maximum likelihood to the sizes of the sample's classes.

    Source: Hoshino, "Applying Pitman's sampling formula to microdata disclosure risk assessment", Journal of Official
    Statistics 17 (2001), 499-520.

    Args:
        sizes: rows in each class of the sample, (u,).
        population: people in the population, at least as many as rows in the sample.
    """
    from scipy.optimize import minimize
    from scipy.special import gammaln

    n, u = int(sizes.sum()), len(sizes)
    if u == n or not (sizes == 1).any() or u < 2:
        return None  # all unique: every population, up to one of unique people only, would look like this
    seen, how_many = np.unique(sizes, return_counts=True)

    def unlikely(at: np.ndarray) -> float:
        theta, alpha = _parameters(at)
        new = u * math.log(alpha) + gammaln(theta / alpha + u) - gammaln(theta / alpha) - math.log(theta)
        drawn = gammaln(theta + n) - gammaln(theta + 1)
        grown = float(how_many @ (gammaln(seen - alpha) - gammaln(1 - alpha)))
        return float(-(new - drawn + grown) / n)

    best = min((minimize(unlikely, start, method="Nelder-Mead") for start in _STARTS), key=lambda found: found.fun)
    theta, alpha = _parameters(best.x)
    if not math.isfinite(best.fun):
        return None
    log = gammaln(theta + 1) - gammaln(theta + alpha) + (alpha - 1) * math.log(population)
    return float(min(math.exp(log), 1.0))


_STARTS = (np.array([math.log(1e3), 0.0]), np.array([math.log(1e5), -3.0]), np.array([0.0, 1.0]))


def _parameters(at: np.ndarray) -> tuple[float, float]:
    """Return theta, above 0, and alpha, in 0 to 1, from two free numbers; both are kept where sums stay finite."""
    return math.exp(min(max(at[0], -15.0), 30.0)), 1 / (1 + math.exp(-min(max(at[1], -12.0), 12.0)))
