"""Statistics: every interval, test and sample size that Casemate reports, in one place.

Interval ends are two-sided: at level 0.95 each end alone is wrong about 2.5 % of the time. A policy limit *holds*
when the interval's bad end is at most the limit, so a "held" at level 0.95 is a one-sided claim at 97.5 %.

Sizes: a proportion costs nothing, a paired difference about 100 steps of bisection, a bootstrap `resamples * n` draws.
Every function raises `ValueError` for an argument outside its stated range, an empty sample, or a NaN.
"""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Method = Literal["clopper-pearson", "wilson"]
Floats = NDArray[np.float64]

_CHUNK = 1 << 20  # bootstrap indices held at once (8 MiB)
_BAND = 0.85  # with the interval of the members' rate both ends keep the nominal level; see `OperatingPoint`


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its two-sided confidence interval, `low <= value <= high`, from `n` samples (or pairs)."""

    value: float
    low: float
    high: float
    n: int
    level: float = 0.95
    method: str = ""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A membership attack that says "member" where `score > threshold`: its true and false positive rates.

    The threshold was chosen on the same non-members, so `fpr.value <= nominal_fpr`, and `tpr` is conditional on it:
    alone it says nothing of the rate that other non-members would have given. `strict` and `liberal` are thresholds
    between which the one that has exactly the nominal rate lies: each is wrong at most 15 % of the time. An interval
    whose low end counts members above `strict` and whose high end those above `liberal` covers the true positive rate
    at the nominal rate: simulated for normal scores, 20 to 1,000 members and as many non-members (or ten times as
    many), rates of .05 to .9: each end at level 0.95 is wrong at most 2.6 % of the time. The conditional interval alone
    is wrong up to 14 % (high) and 21 % (low).
    """

    nominal_fpr: float
    threshold: float
    tpr: Interval
    fpr: Interval
    strict: float = math.inf
    liberal: float = -math.inf


def clopper_pearson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Exact interval of a proportion: it covers at least `level`, whatever the rate. `0 <= successes <= n`, `n >= 1`.

    Source: Clopper & Pearson, Biometrika 1934 (26:404-413).
    """
    return _proportion(successes, n, level, "clopper-pearson")


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Score interval of a proportion: narrower, and covers `level` on average. `0 <= successes <= n`, `n >= 1`.

    Source: Wilson, JASA 1927 (22:209-212).
    """
    return _proportion(successes, n, level, "wilson")


def paired_difference(before: ArrayLike, after: ArrayLike, level: float = 0.95) -> Interval:
    """Interval of `mean(before) - mean(after)` for binary outcomes of the same n samples, in [-1, 1].

    `before`, `after`: shape (n,), every value 0 or 1. The method is Tango's score interval. It is the one whose test at
    difference 0 is McNemar's, it needs no correction when no pair changes (the end is then `z^2 / (n + z^2)`, as
    Wilson's), and swapping the arguments mirrors it.
    Enumerated for 30 to 120 pairs, drops of 0.01 to 0.2 and gains of 0 to 0.1: the high end, which a limit on a drop is
    held against, is wrong at most 2.9 % of the time (nominal 2.5 %), the low end at most 5 %.
    Source: Tango, Statistics in Medicine 1998 (17:891-908).
    """
    lost, gained, n = _discordant(before, after)
    z = _z(level)
    low, high = -_tango_high(gained, lost, n, z), _tango_high(lost, gained, n, z)
    return Interval((lost - gained) / n, low, high, n, level, "tango-score")


def independent_difference(successes_a: int, n_a: int, successes_b: int, n_b: int, level: float = 0.95) -> Interval:
    """Hybrid score interval of `p_a - p_b`, in [-1, 1], for two separate samples; its `n` is `n_a + n_b`.

    Source: Newcombe, Statistics in Medicine 1998 (17:873-890), method 10.
    """
    return _square_and_add(wilson(successes_a, n_a, level), wilson(successes_b, n_b, level), "newcombe-hybrid-score")


def mcnemar(before: ArrayLike, after: ArrayLike) -> float:
    """Two-sided p-value that a sample is as likely to be lost as gained between two binary arrays of shape (n,).

    Exact and conditional on the pairs that changed; not the mid-p variant, so it errs on the side of no difference.
    It is 1 where no pair changed. Source: McNemar, Psychometrika 1947 (12:153-157).
    """
    from scipy import special

    lost, gained, _ = _discordant(before, after)
    return min(1.0, 2.0 * float(special.bdtr(min(lost, gained), lost + gained, 0.5)))


def bootstrap_mean(
    values: ArrayLike, level: float = 0.95, *, seed: int | np.random.Generator, resamples: int = 9999
) -> Interval:
    """Interval of the mean of values in [-1, 1] that are not binary, shape (n,), by the BCa bootstrap.

    The same seed gives the same interval. The BCa interval is approximate: below some 30 values, or where rare values
    matter and none was drawn, it is too narrow. Where all values are equal it would have no width at all; there the
    share of values not yet seen is bounded exactly (Clopper-Pearson) and taken to lie at -1 or at 1.
    Source: Efron, JASA 1987 (82:171-185).
    """
    return _bca(_bounded("values", values), level, np.random.default_rng(seed), resamples, bound=1.0)


def bootstrap_difference(
    a: ArrayLike,
    b: ArrayLike,
    paired: bool,
    level: float = 0.95,
    *,
    seed: int | np.random.Generator,
    resamples: int = 9999,
) -> Interval:
    """Interval of `mean(a) - mean(b)`, in [-2, 2], for values in [-1, 1] that are not binary.

    Paired: `a` and `b` have shape (n,) and the differences are resampled. Independent: shapes (n_a,) and (n_b,); the
    two means' intervals are joined by square-and-add (Zou & Donner, Statistics in Medicine 2008, 27:1693-1702).
    """
    first, second = _bounded("a", a), _bounded("b", b)
    rng = np.random.default_rng(seed)
    if paired:
        _same_length("a", first, "b", second)
        return _bca(first - second, level, rng, resamples, bound=2.0)
    of_a, of_b = (_bca(values, level, rng, resamples, bound=1.0) for values in (first, second))
    return _square_and_add(of_a, of_b, "bca-bootstrap-square-and-add")


def best_case_high(n: int, level: float = 0.95, method: Method = "clopper-pearson") -> float:
    """Upper end of a proportion's interval when none of `n >= 1` samples succeeded: the least limit n can hold."""
    return _proportion(0, n, level, method).high


def samples_to_hold(limit: float, rate: float = 0.0, level: float = 0.95, method: Method = "clopper-pearson") -> int:
    """The least n from which on an observed rate of at most `rate` holds a limit on a proportion.

    It holds at this n and at every larger one, and not at n - 1 (the count observed is the largest whole number whose
    rate is at most `rate`). A limit of 1 or more is held by any single sample. Raises ValueError where no number of
    samples can hold: a limit of 0, or one that is not above `rate`.
    """
    z = _z(level)
    _check_method(method)
    return _least_n(limit, rate, lambda count, n: _ends(count, n, z, method)[1])


def pairs_to_hold(limit: float, rate: float = 0.0, level: float = 0.95, gained: float = 0.0) -> int:
    """As `samples_to_hold`, for the upper end of `paired_difference`: shares `rate` of the pairs lost, `gained` gained.

    Where pairs are gained, both counts are taken as fractions, and the answer may be off by a few.
    """
    z = _z(level)
    if not gained:
        return _least_n(limit, rate, lambda lost, n: _tango_high(lost, 0, n, z))
    if not (0 < gained <= 1 and 0 <= rate <= 1 - gained and rate - gained < limit < 1):
        raise ValueError(
            f"limit {limit}, rate {rate}, gained {gained}: give shares of the same pairs, whose difference is below "
            "a limit below 1"
        )
    return _first(1, lambda n: _tango_high(rate * n, gained * n, n, z) <= limit)


def minimum_nonmembers(fpr: float) -> int:
    """The least number of non-members at which one false positive is still within `fpr`, 0 < fpr < 1."""
    _check_open_unit("fpr", fpr, "ask for a false positive rate such as 0.01")
    return _first(1, lambda n: 1 / n <= fpr)


def tpr_at_fpr(
    member_scores: ArrayLike, nonmember_scores: ArrayLike, fpr: float, level: float = 0.95
) -> OperatingPoint:
    """True positive rate at the lowest threshold whose false positive rate is at most `fpr`, 0 < fpr < 1.

    Scores: shapes (m,) and (n,), higher means "member"; infinite scores are fine. Only scores strictly above the
    threshold count, so that ties with it are never split. Raises ValueError below `minimum_nonmembers(fpr)`.
    Source: Carlini et al., IEEE S&P 2022 (the metric).
    """
    members, nonmembers = _scores("member_scores", member_scores), _scores("nonmember_scores", nonmember_scores)
    least = minimum_nonmembers(fpr)
    if len(nonmembers) < least:
        raise ValueError(
            f"nonmember_scores has {len(nonmembers)} scores, too few to see a false positive rate of {fpr:g}; "
            f"give at least {least}, or ask for a higher rate"
        )
    descending = np.sort(nonmembers)[::-1]
    threshold = float(descending[_count(fpr, len(nonmembers))])
    above = [clopper_pearson(int((s > threshold).sum()), len(s), level) for s in (members, nonmembers)]
    strict, liberal = _threshold_band(descending, fpr)
    return OperatingPoint(fpr, threshold, above[0], above[1], max(strict, threshold), min(liberal, threshold))


def _threshold_band(descending: Floats, fpr: float) -> tuple[float, float]:
    """The lowest score with a false positive rate within `fpr`, and the highest with one above, both at 85 %.

    The rate of the j-th largest of n scores, from 0, has a Beta(j + 1, n - j) distribution, whatever the scores'.
    """
    from scipy import special

    rank = np.arange(len(descending))
    within = special.betainc(rank + 1, len(descending) - rank, fpr)
    strict, liberal = descending[within >= _BAND], descending[1 - within >= _BAND]
    return float(strict[-1]) if len(strict) else math.inf, float(liberal[0]) if len(liberal) else -math.inf


def auc(member_scores: ArrayLike, nonmember_scores: ArrayLike) -> float:
    """Probability that a member scores above a non-member, ties counted half; shapes (m,) and (n,), in [0, 1].

    Source: Hanley & McNeil, Radiology 1982 (143:29-36).
    """
    members = _scores("member_scores", member_scores)
    nonmembers = np.sort(_scores("nonmember_scores", nonmember_scores))
    below = np.searchsorted(nonmembers, members, side="left") + np.searchsorted(nonmembers, members, side="right")
    return int(below.sum()) / (2 * len(members) * len(nonmembers))


def _proportion(successes: int, n: int, level: float, method: Method) -> Interval:
    """Check the counts and build the interval of `successes / n`."""
    z = _z(level)
    _check_method(method)
    successes, n = _whole("successes", successes), _whole("n", n)
    if n < 1:
        raise ValueError(f"n is {n}: a proportion needs at least one sample; draw some, or report that none could run")
    if not 0 <= successes <= n:
        raise ValueError(f"successes is {successes}, outside 0 to n = {n}; count successes among the n samples only")
    return Interval(successes / n, *_ends(successes, n, z, method), n, level, method)


def _ends(count: float, n: int, z: float, method: Method) -> tuple[float, float]:
    """Both ends of a proportion's interval; `count` may be fractional, which sample-size search uses."""
    from scipy import special

    if method == "wilson":
        centre, spread = count + z * z / 2, z * math.sqrt(count * (n - count) / n + z * z / 4)
        low, high = (centre - spread) / (n + z * z), (centre + spread) / (n + z * z)
    else:
        tail = special.ndtr(-z)
        low = special.betaincinv(count, n - count + 1, tail) if count > 0 else 0.0
        high = special.betainccinv(count + 1, n - count, tail) if count < n else 1.0
    # Rounding must not push the estimate out of its own interval, nor 0 and 1 off the ends.
    rate = count / n
    return (min(float(low), rate) if count > 0 else 0.0), (max(float(high), rate) if count < n else 1.0)


def _square_and_add(a: Interval, b: Interval, method: str) -> Interval:
    """Interval of the difference of two independent estimates from their own intervals."""
    value = a.value - b.value
    low = value - math.hypot(a.value - a.low, b.high - b.value)
    high = value + math.hypot(a.high - a.value, b.value - b.low)
    return Interval(value, low, high, a.n + b.n, a.level, method)


def _tango_high(lost: float, gained: float, n: int, z: float) -> float:
    """The largest difference that Tango's score test does not reject, by bisection from the estimate up to 1."""
    inside, outside = (lost - gained) / n, 1.0
    for _ in range(100):
        middle = (inside + outside) / 2
        if _tango_rejects(middle, lost, gained, n, z):
            outside = middle
        else:
            inside = middle
    return outside


def _tango_rejects(delta: float, lost: float, gained: float, n: int, z: float) -> bool:
    """Whether |score| >= z at `delta`, with q the constrained maximum-likelihood share of gained pairs."""
    b = (2 * n - lost + gained) * delta - lost - gained
    minus_c = gained * delta * (1 - delta)
    root = math.sqrt(max(0.0, b * b + 8 * n * minus_c))
    q = 2 * minus_c / (root + b) if b > 0 else (root - b) / (4 * n)  # the same root, without cancellation
    variance = n * (2 * q + delta * (1 - delta))
    return (lost - gained - n * delta) ** 2 >= z * z * variance


def _bca(values: Floats, level: float, rng: np.random.Generator, resamples: int, bound: float) -> Interval:
    """Bias-corrected and accelerated bootstrap interval of the mean of values in [-bound, bound]."""
    from scipy import special

    z, n, mean = _z(level), len(values), float(values.mean())
    if _whole("resamples", resamples) < 100:
        raise ValueError(f"resamples is {resamples}: too few for the tails of an interval; use 1000 or more")
    if np.ptp(values) == 0:
        mean, unseen = float(values[0]), best_case_high(n, level)
        seen = mean * (1 - unseen)
        return Interval(mean, seen - bound * unseen, seen + bound * unseen, n, level, "constant-clopper-pearson")
    means = _resampled_means(values, rng, resamples)
    below = ((means < mean - 1e-12).mean() + (means < mean + 1e-12).mean()) / 2  # ties count half
    bias = special.ndtri(np.clip(below, 0.5 / resamples, 1 - 0.5 / resamples))
    centred = (values - mean) / np.abs(values - mean).max()
    acceleration = (centred**3).sum() / (6 * (centred**2).sum() ** 1.5)
    shifted = bias + np.array([-z, z])
    shares = special.ndtr(bias + shifted / np.maximum(1 - acceleration * shifted, 1e-9))
    low, high = np.quantile(means, shares)
    return Interval(mean, min(float(low), mean), max(float(high), mean), n, level, "bca-bootstrap")


def _resampled_means(values: Floats, rng: np.random.Generator, resamples: int) -> Floats:
    """Means of `resamples` draws with replacement, shape (resamples,), a bounded number of rows at a time."""
    means, rows, n = np.empty(resamples), max(1, _CHUNK // len(values)), len(values)
    for start in range(0, resamples, rows):
        part = means[start : start + rows]
        part[:] = values[rng.integers(0, n, size=(len(part), n))].mean(axis=1)
    return means


def _least_n(limit: float, rate: float, high: Callable[[float, int], float]) -> int:
    """The least n that holds with all larger ones; `high(count, n)` rises with the count and falls with n.

    The count allowed jumps as n grows, so holding is not monotone in n. Search on the fractional count `rate * n`,
    which is monotone and never too low, then walk down, one stretch of equal counts at a time.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"rate is {rate}, outside [0, 1]; give the share of samples expected to succeed")
    if not limit > rate and not limit >= 1:
        raise ValueError(
            f"limit is {limit} and the expected rate is {rate}: no number of samples can hold a limit that is not "
            "above the rate; raise the limit, or lower the rate"
        )
    if limit >= 1:
        return 1
    n = _first(1, lambda m: high(rate * m, m) <= limit)
    while n > 1 and high(count := _count(rate, n - 1), n - 1) <= limit:
        n = _stretch_start(count, rate, limit, high)
    return n


def _stretch_start(count: int, rate: float, limit: float, high: Callable[[float, int], float]) -> int:
    """The least n that holds among those at which `rate` allows exactly `count`."""
    allowed_from = _first(1, lambda m: _count(rate, m) >= count)
    return max(allowed_from, _first(max(1, count), lambda m: high(count, m) <= limit))


def _first(start: int, holds: Callable[[int], bool]) -> int:
    """The least n >= start where `holds`, which is false and then true."""
    fails, step = start - 1, 1
    while not holds(fails + step):
        fails, step = fails + step, 2 * step
    succeeds = fails + step
    while succeeds - fails > 1:
        middle = (fails + succeeds) // 2
        fails, succeeds = (fails, middle) if holds(middle) else (middle, succeeds)
    return succeeds


def _count(rate: float, n: int) -> int:
    """The largest whole number of n samples whose share, as a float, is at most `rate`."""
    count = math.floor(rate * n) + 1  # 0.29 * 100 is 28.999999999999996, yet 29 / 100 is 0.29
    while count / n > rate:
        count -= 1
    return count


def _z(level: float) -> float:
    """Normal quantile that leaves (1 - level) / 2 above it."""
    from scipy import special

    _check_open_unit("level", level, "use a confidence level such as 0.95")
    return -float(special.ndtri((1 - level) / 2))


def _check_open_unit(name: str, value: float, remedy: str) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{name} is {value}, outside the open range (0, 1); {remedy}")


def _check_method(method: str) -> None:
    if method not in ("clopper-pearson", "wilson"):
        raise ValueError(f"method is {method!r}; use 'clopper-pearson' or 'wilson'")


def _whole(name: str, value: int) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{name} is {value!r}, not a whole number; give a count as an int") from None


def _same_length(name_a: str, a: NDArray[np.generic], name_b: str, b: NDArray[np.generic]) -> None:
    if len(a) != len(b):
        raise ValueError(
            f"{name_a} has {len(a)} values and {name_b} has {len(b)}; paired values are of the same samples, in the "
            "same order: give one of each per sample"
        )


def _scores(name: str, values: ArrayLike) -> Floats:
    """A non-empty array of numbers of shape (n,), no NaN."""
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; give at least one value, in one dimension")
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} has values of type {array.dtype}; give real numbers")
    array = array.astype(np.float64)
    if missing := np.flatnonzero(np.isnan(array)).size:
        first = int(np.flatnonzero(np.isnan(array))[0])
        raise ValueError(f"{name} has {missing} NaN, the first at index {first}; drop the sample or repair its value")
    return array


def _bounded(name: str, values: ArrayLike) -> Floats:
    """Scores within [-1, 1]."""
    array = _scores(name, values)
    if (wrong := np.flatnonzero(np.abs(array) > 1)).size:
        raise ValueError(f"{name}[{wrong[0]}] is {array[wrong[0]]}, outside [-1, 1]; scale the values into that range")
    return array


def _discordant(before: ArrayLike, after: ArrayLike) -> tuple[int, int, int]:
    """Pairs lost (1 then 0), pairs gained (0 then 1), all pairs."""
    old, new = _scores("before", before), _scores("after", after)
    for name, array in (("before", old), ("after", new)):
        if (wrong := np.flatnonzero((array != 0) & (array != 1))).size:
            raise ValueError(
                f"{name}[{wrong[0]}] is {array[wrong[0]]}, neither 0 nor 1; give binary outcomes, or use "
                "bootstrap_difference for values in between"
            )
    _same_length("before", old, "after", new)
    return int((old > new).sum()), int((new > old).sum()), len(old)
