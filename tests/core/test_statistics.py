"""Intervals, tests and sample sizes, held against scipy, statsmodels, exact enumeration and simulation."""

import math
import subprocess
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from casemate.core import statistics as cs

LEVELS = st.floats(0.5, 0.999)
METHODS = {"clopper-pearson": cs.clopper_pearson, "wilson": cs.wilson}
PEER_NAME = {"clopper-pearson": "exact", "wilson": "wilson"}


@st.composite
def counts(draw, most=400):
    n = draw(st.integers(1, most))
    return draw(st.integers(0, n)), n


@st.composite
def discordant(draw, most=120):
    """Pairs lost, pairs gained, all pairs."""
    n = draw(st.integers(1, most))
    lost = draw(st.integers(0, n))
    return lost, draw(st.integers(0, n - lost)), n


def pairs(lost, gained, n):
    """Binary arrays with these numbers of pairs lost, gained and unchanged (half of them right both times)."""
    kept = n - lost - gained
    same = np.arange(kept) % 2
    before = np.concatenate([np.ones(lost), np.zeros(gained), same])
    after = np.concatenate([np.zeros(lost), np.ones(gained), same])
    return before.astype(bool), after.astype(bool)


def paired(lost, gained, n, level=0.95):
    return cs.paired_difference(*pairs(lost, gained, n), level)


# One proportion


@pytest.mark.parametrize("method", METHODS)
@given(counts(), LEVELS)
def test_proportion_agrees_with_scipy_and_statsmodels(method, count, level):
    successes, n = count
    ours = METHODS[method](successes, n, level)
    scipy_ci = stats.binomtest(successes, n).proportion_ci(level, method=PEER_NAME[method])
    peer_name = {"clopper-pearson": "beta", "wilson": "wilson"}[method]
    statsmodels_ci = proportion_confint(successes, n, alpha=1 - level, method=peer_name)
    assert (ours.low, ours.high) == pytest.approx((scipy_ci.low, scipy_ci.high), abs=1e-9)
    assert (ours.low, ours.high) == pytest.approx(statsmodels_ci, abs=1e-9)
    assert (ours.value, ours.n, ours.level, ours.method) == (successes / n, n, level, method)


@pytest.mark.parametrize("method", METHODS)
@given(counts(), LEVELS)
def test_proportion_is_ordered_in_range_and_mirrors(method, count, level):
    successes, n = count
    interval, mirror = METHODS[method](successes, n, level), METHODS[method](n - successes, n, level)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
    assert (interval.low == 0) == (successes == 0)
    assert (interval.high == 1) == (successes == n)
    assert (1 - mirror.high, 1 - mirror.low) == pytest.approx((interval.low, interval.high), abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
@given(counts(), LEVELS, st.integers(2, 20))
def test_proportion_narrows_with_n_and_widens_with_level(method, count, level, times):
    successes, n = count
    interval = METHODS[method](successes, n, level)
    more = METHODS[method](successes * times, n * times, level)
    surer = METHODS[method](successes, n, (1 + level) / 2)
    assert more.high - more.low < interval.high - interval.low
    assert surer.low <= interval.low
    assert interval.high <= surer.high


@pytest.mark.parametrize("method", METHODS)
@given(counts(), LEVELS)
def test_proportion_rises_with_successes(method, count, level):
    successes, n = count
    assume(successes < n)
    less, more = METHODS[method](successes, n, level), METHODS[method](successes + 1, n, level)
    assert less.low < more.low
    assert less.high < more.high


def exact_coverage(interval, n, rate):
    """Probability, by enumeration, that the interval of a binomial count covers the true rate."""
    chances = stats.binom.pmf(np.arange(n + 1), n, rate)
    ends = [interval(k, n) for k in range(n + 1)]
    return sum(p for p, i in zip(chances, ends, strict=True) if i.low <= rate <= i.high)


def test_proportion_coverage_by_enumeration():
    rates = np.linspace(0.005, 0.995, 100)
    exact = [exact_coverage(cs.clopper_pearson, 30, r) for r in rates]
    score = [exact_coverage(cs.wilson, 30, r) for r in rates]
    assert min(exact) >= 0.95
    assert np.mean(score) == pytest.approx(0.95, abs=0.01)
    assert np.mean(score) < np.mean(exact)


def test_interval_is_frozen():
    with pytest.raises(FrozenInstanceError):
        cs.wilson(1, 2).low = 0.0


# Paired difference


def tango_by_likelihood(lost, gained, n, level):
    """Tango's interval from first principles: maximise the constrained likelihood numerically, then find the roots."""
    z = stats.norm.isf((1 - level) / 2)

    def score(delta):
        least, most = max(0.0, -delta), (1 - delta) / 2

        def minus_log_likelihood(q):
            shares = ((lost, q + delta), (gained, q), (n - lost - gained, 1 - 2 * q - delta))
            return -sum(k * math.log(max(p, 1e-300)) for k, p in shares if k)

        fit = optimize.minimize_scalar(
            minus_log_likelihood, bounds=(least, most), method="bounded", options={"xatol": 1e-12}
        )
        return (lost - gained - n * delta) / math.sqrt(n * (2 * fit.x + delta * (1 - delta)))

    value = (lost - gained) / n
    low = optimize.brentq(lambda d: score(d) - z, -1 + 1e-6, value)
    return low, optimize.brentq(lambda d: score(d) + z, value, 1 - 1e-6)


@pytest.mark.parametrize(
    ("lost", "gained", "n"), [(1, 7, 21), (12, 2, 50), (40, 20, 160), (5, 5, 30), (3, 1, 400), (30, 4, 40)]
)
def test_paired_agrees_with_the_constrained_likelihood(lost, gained, n):
    for level in (0.8, 0.95, 0.99):
        ours = paired(lost, gained, n, level)
        assert (ours.low, ours.high) == pytest.approx(tango_by_likelihood(lost, gained, n, level), abs=1e-5)


def test_paired_agrees_with_a_published_example():
    """Fagerland, Lydersen & Laake, Statistics in Medicine 2014 (33:2850-2875): airway hyper-responsiveness, n = 21."""
    ours = paired(1, 7, 21)
    assert (round(ours.value, 3), round(ours.low, 3), round(ours.high, 3)) == (-0.286, -0.517, -0.026)
    assert (ours.n, ours.method) == (21, "tango-score")


@given(discordant(), LEVELS)
def test_paired_is_ordered_in_range_and_mirrors(changed, level):
    lost, gained, n = changed
    ours, swapped = paired(lost, gained, n, level), paired(gained, lost, n, level)
    assert -1 <= ours.low <= ours.value <= ours.high <= 1
    assert ours.low < ours.high
    assert (swapped.low, swapped.high, swapped.value) == (-ours.high, -ours.low, -ours.value)


@given(discordant(most=60), LEVELS, st.integers(2, 10))
def test_paired_narrows_with_n_and_widens_with_level(changed, level, times):
    lost, gained, n = changed
    ours = paired(lost, gained, n, level)
    more = paired(lost * times, gained * times, n * times, level)
    surer = paired(lost, gained, n, (1 + level) / 2)
    assert more.high - more.low < ours.high - ours.low
    assert surer.low <= ours.low
    assert ours.high <= surer.high


@given(discordant(), LEVELS)
def test_paired_rises_when_a_kept_pair_is_lost(changed, level):
    lost, gained, n = changed
    assume(lost + gained < n)
    less, more = paired(lost, gained, n, level), paired(lost + 1, gained, n, level)
    assert less.low <= more.low + 1e-12
    assert less.high <= more.high + 1e-12


@pytest.mark.parametrize("n", [1, 2, 10, 1000])
def test_paired_with_no_pair_changed_has_the_closed_form(n):
    z2 = stats.norm.isf(0.025) ** 2
    for value in (np.zeros(n), np.ones(n)):
        ours = cs.paired_difference(value, value)
        assert (ours.value, ours.low, ours.high) == pytest.approx((0, -z2 / (n + z2), z2 / (n + z2)))


def test_paired_with_one_pair():
    assert paired(1, 0, 1).high == 1
    assert paired(1, 0, 1).low < 0
    assert paired(0, 1, 1).low == -1
    assert paired(0, 1, 1).high > 0


@given(discordant(), LEVELS)
def test_paired_excludes_zero_exactly_where_the_uncorrected_mcnemar_test_rejects(changed, level):
    lost, gained, n = changed
    assume(lost != gained)
    statistic = abs(lost - gained) / math.sqrt(lost + gained)
    z = stats.norm.isf((1 - level) / 2)
    assume(abs(statistic - z) > 1e-9)
    ours = paired(lost, gained, n, level)
    assert (not ours.low <= 0 <= ours.high) == (statistic > z)


@pytest.mark.parametrize("n", [30, 60])
def test_paired_error_of_each_end_by_enumeration(n):
    """The figures in the docstring: how often each end is wrong, summed over every table of n pairs."""
    tables = np.array([(lost, gained) for lost in range(n + 1) for gained in range(n + 1 - lost)])
    z = stats.norm.isf(0.025)
    high = np.array([cs._tango_high(lost, gained, n, z) for lost, gained in tables])
    low = -np.array([cs._tango_high(gained, lost, n, z) for lost, gained in tables])
    coverages = []
    for drop in (0.01, 0.02, 0.05, 0.1, 0.2):
        for gain in (0.0, 0.01, 0.02, 0.05, 0.1):
            shares = [drop + gain, gain, 1 - drop - 2 * gain]
            chance = stats.multinomial.pmf(np.column_stack([tables, n - tables.sum(axis=1)]), n, shares)
            assert chance.sum() == pytest.approx(1)
            high_wrong, low_wrong = chance[high < drop].sum(), chance[low > drop].sum()
            assert high_wrong <= 0.027
            assert low_wrong <= 0.05
            coverages.append(1 - high_wrong - low_wrong)
    assert np.mean(coverages) >= 0.95


def test_paired_coverage_by_simulation():
    """Correlated outcomes drawn whole, not as counts, so that arrays and direction are tested too."""
    rng = np.random.default_rng(20240229)
    covered = 0
    for _ in range(1500):
        before = rng.random(80) < 0.9
        after = before & (rng.random(80) < 0.8) | ~before & (rng.random(80) < 0.3)
        ours = cs.paired_difference(before, after)
        covered += ours.low <= 0.9 - (0.9 * 0.8 + 0.1 * 0.3) <= ours.high
    assert 0.935 <= covered / 1500 <= 0.975


# McNemar


@given(discordant())
def test_mcnemar_agrees_with_statsmodels(changed):
    lost, gained, n = changed
    ours = cs.mcnemar(*pairs(lost, gained, n))
    peer = statsmodels_mcnemar([[0, lost], [gained, n - lost - gained]], exact=True).pvalue
    assert ours == pytest.approx(min(1.0, peer), abs=1e-12)
    assert ours == cs.mcnemar(*reversed(pairs(lost, gained, n)))


def test_mcnemar_without_a_changed_pair_is_one():
    assert cs.mcnemar([1, 0, 1], [1, 0, 1]) == 1.0


# Independent difference


@given(counts(), counts(), LEVELS)
def test_independent_agrees_with_statsmodels(count_a, count_b, level):
    ours = cs.independent_difference(*count_a, *count_b, level)
    peer = confint_proportions_2indep(*count_a, *count_b, method="newcomb", compare="diff", alpha=1 - level)
    assert (ours.low, ours.high) == pytest.approx(peer, abs=1e-9)
    assert ours.n == count_a[1] + count_b[1]


@given(counts(), counts(), LEVELS)
def test_independent_is_ordered_in_range_and_mirrors(count_a, count_b, level):
    ours = cs.independent_difference(*count_a, *count_b, level)
    swapped = cs.independent_difference(*count_b, *count_a, level)
    assert -1 - 1e-12 <= ours.low <= ours.value <= ours.high <= 1 + 1e-12
    assert (-swapped.high, -swapped.low) == pytest.approx((ours.low, ours.high), abs=1e-12)


def test_independent_agrees_with_a_published_example():
    """Newcombe, Statistics in Medicine 1998 (17:873-890), table II: 56/70 against 48/80, method 10."""
    ours = cs.independent_difference(56, 70, 48, 80)
    assert (round(ours.low, 4), round(ours.high, 4)) == (0.0524, 0.3339)


# Bootstrap


def skewed(n, seed=3):
    return np.random.default_rng(seed).beta(0.5, 3.0, n) * 2 - 1


TIED = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 1.0])


@pytest.mark.parametrize("values", [skewed(12), skewed(100), TIED], ids=["12", "100", "tied"])
def test_bootstrap_mean_agrees_with_scipy(values):
    """Close enough, at 50,000 resamples, to tell the acceleration from its absence."""
    ours = cs.bootstrap_mean(values, seed=1, resamples=50_000)
    peer = stats.bootstrap((values,), np.mean, n_resamples=50_000, method="BCa", rng=np.random.default_rng(2))
    ends = peer.confidence_interval
    assert (ours.low, ours.high) == pytest.approx((ends.low, ends.high), abs=0.015 * (ends.high - ends.low))
    assert ours.value == pytest.approx(values.mean())
    assert (ours.n, ours.method) == (len(values), "bca-bootstrap")


@pytest.mark.parametrize("n", [5, 6, 12, 40])
def test_bootstrap_mean_follows_the_bca_formula(n):
    """The same resamples through Efron's formula as written: acceleration from a jackknife, bias from ranks."""
    values = skewed(n)
    means = cs._resampled_means(values, np.random.default_rng(7), 2000)
    bias = stats.norm.ppf(stats.percentileofscore(np.round(means, 12), round(values.mean(), 12), kind="mean") / 100)
    left_out = np.array([np.delete(values, i).mean() for i in range(n)])
    gaps = left_out.mean() - left_out
    acceleration = np.sum(gaps**3) / (6 * np.sum(gaps**2) ** 1.5)
    shifted = bias + stats.norm.ppf([0.025, 0.975])
    shares = stats.norm.cdf(bias + shifted / (1 - acceleration * shifted))
    ours = cs.bootstrap_mean(values, seed=7, resamples=2000)
    assert (ours.low, ours.high) == pytest.approx(np.quantile(means, shares))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.integers(0, 2**32))
def test_bootstrap_mean_is_ordered_in_range_and_seeded(values, seed):
    ours = cs.bootstrap_mean(values, seed=seed, resamples=300)
    assert -1 <= ours.low <= ours.value <= ours.high <= 1
    assert ours == cs.bootstrap_mean(values, seed=seed, resamples=300)
    assert ours == cs.bootstrap_mean(values, seed=np.random.default_rng(seed), resamples=300)


def test_bootstrap_mean_has_another_seed_another_draw_and_narrows_with_n():
    values = skewed(50)
    one, two = cs.bootstrap_mean(values, seed=1), cs.bootstrap_mean(values, seed=2)
    assert one != two
    assert one.low == pytest.approx(two.low, abs=0.02)
    more = cs.bootstrap_mean(skewed(800), seed=1)
    assert more.high - more.low < one.high - one.low


@pytest.mark.parametrize("value", [-1.0, 0.0, 0.1, 1.0])
def test_bootstrap_of_equal_values_still_has_width(value):
    """Ten equal values do not prove that all values are equal: the unseen share may lie at either end."""
    ours = cs.bootstrap_mean(np.full(10, value), seed=0)
    unseen = cs.best_case_high(10)
    assert (ours.low, ours.high) == pytest.approx((value - (value + 1) * unseen, value + (1 - value) * unseen))
    assert ours.value == value
    assert ours.method == "constant-clopper-pearson"


def test_bootstrap_of_nearly_equal_values_is_finite():
    ours = cs.bootstrap_mean([0.0] * 20 + [1e-200], seed=0)
    assert 0 <= ours.low <= ours.value <= ours.high <= 1e-199


def test_bootstrap_memory_is_bounded(monkeypatch):
    """Chunks never hold more indices than stated, and the last, shorter chunk is filled too."""
    drawn = []

    class Watched(np.random.Generator):
        def integers(self, *args, **kwargs):
            drawn.append(math.prod(kwargs["size"]))
            return super().integers(*args, **kwargs)

    monkeypatch.setattr(cs, "_CHUNK", 1000)
    means = cs._resampled_means(np.linspace(0.5, 1, 30), Watched(np.random.PCG64(0)), 500)
    assert max(drawn) <= 1000
    assert sum(drawn) == 500 * 30
    assert means.shape == (500,)
    assert means.min() > 0.5
    assert means.max() < 1


def test_bootstrap_coverage_by_simulation():
    rng = np.random.default_rng(11)
    truth = 2 * 0.5 / 3.5 - 1
    draws = (rng.beta(0.5, 3.0, 60) * 2 - 1 for _ in range(500))
    intervals = [cs.bootstrap_mean(values, seed=rng, resamples=800) for values in draws]
    assert 0.91 <= np.mean([i.low <= truth <= i.high for i in intervals]) <= 0.98


def test_bootstrap_difference_paired_is_that_of_the_differences():
    a, b = skewed(100, 1), skewed(100, 2)
    ours, mean = cs.bootstrap_difference(a, b, True, seed=5), cs.bootstrap_mean((a - b) / 2, seed=5)
    assert (ours.value, ours.low, ours.high) == pytest.approx((2 * mean.value, 2 * mean.low, 2 * mean.high))


def test_bootstrap_difference_paired_uses_the_pairing():
    a = skewed(200)
    b = np.clip(a - 0.1 + np.random.default_rng(0).normal(0, 0.01, 200), -1, 1)
    together, apart = cs.bootstrap_difference(a, b, True, seed=5), cs.bootstrap_difference(a, b, False, seed=5)
    assert together.value == pytest.approx(apart.value)
    assert apart.low < together.low < together.high < apart.high


def test_bootstrap_difference_independent_agrees_with_scipy():
    a, b = skewed(150, 1), skewed(90, 2) * 0.5
    ours = cs.bootstrap_difference(a, b, False, seed=5)
    peer = stats.bootstrap(
        (a, b), lambda x, y, axis: x.mean(axis) - y.mean(axis), method="BCa", rng=np.random.default_rng(2)
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((peer.low, peer.high), abs=0.1 * (peer.high - peer.low))
    assert ours.n == 240


def test_bootstrap_difference_of_constants_spans_the_unseen():
    same = cs.bootstrap_difference(np.ones(20), -np.ones(20), True, seed=0)
    unseen = cs.best_case_high(20)
    assert (same.low, same.high) == pytest.approx((2 - 4 * unseen, 2))
    apart = cs.bootstrap_difference(np.ones(20), -np.ones(30), False, seed=0)
    assert apart.low < apart.value == apart.high == 2


# Sample sizes


@pytest.mark.parametrize("method", METHODS)
@given(st.floats(1e-4, 0.999), LEVELS)
def test_samples_to_hold_at_rate_zero_is_minimal(method, limit, level):
    n = cs.samples_to_hold(limit, level=level, method=method)
    assert METHODS[method](0, n, level).high <= limit
    assert n == 1 or METHODS[method](0, n - 1, level).high > limit
    assert cs.best_case_high(n, level, method) == METHODS[method](0, n, level).high


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("limit", "rate"), [(0.05, 0.01), (0.05, 0.03), (0.29, 0.2), (0.5, 0.29), (0.7, 0.1), (0.97, 0.9), (0.3, 1e-6)]
)
def test_samples_to_hold_is_minimal_and_every_larger_sample_holds(method, limit, rate):
    """Checked by counting, for every n up to twice the answer, the most successes that `rate` allows."""
    n = cs.samples_to_hold(limit, rate, method=method)

    def holds(m):
        most = max(k for k in range(int(rate * m) + 2) if k / m <= rate)
        return METHODS[method](most, m).high <= limit

    assert n > 1
    assert not holds(n - 1)
    assert all(holds(m) for m in range(n, 2 * n + 50))


def test_samples_to_hold_matches_the_closed_form_at_rate_zero():
    assert cs.samples_to_hold(0.05) == math.ceil(math.log(0.025) / math.log(0.95)) == 72
    assert cs.samples_to_hold(1e-6) == math.ceil(math.log(0.025) / math.log1p(-1e-6))


@given(st.floats(0.01, 0.9), st.floats(0.01, 0.9), st.floats(0, 0.9))
def test_samples_to_hold_grows_as_the_margin_shrinks(limit, shrink, share):
    rate = limit * share
    tighter = rate + (limit - rate) * shrink
    assume(tighter - rate > 1e-3)
    assert cs.samples_to_hold(tighter, rate) >= cs.samples_to_hold(limit, rate)
    assert cs.samples_to_hold(limit, rate) >= cs.samples_to_hold(limit)


@given(st.floats(0.005, 0.99), LEVELS)
def test_pairs_to_hold_is_minimal_for_the_paired_interval(limit, level):
    n = cs.pairs_to_hold(limit, level=level)
    assert paired(0, 0, n, level).high <= limit
    assert n == 1 or paired(0, 0, n - 1, level).high > limit


@pytest.mark.parametrize(("limit", "rate"), [(0.05, 0.02), (0.2, 0.15), (0.6, 0.29)])
def test_pairs_to_hold_with_losses_is_minimal_and_every_larger_sample_holds(limit, rate):
    n = cs.pairs_to_hold(limit, rate)

    def holds(m):
        return paired(max(k for k in range(m + 1) if k / m <= rate), 0, m).high <= limit

    assert not holds(n - 1)
    assert all(holds(m) for m in range(n, n + 120))


@pytest.mark.parametrize("plan", [cs.samples_to_hold, cs.pairs_to_hold])
def test_limits_at_the_edges(plan):
    assert plan(1.0) == plan(1.0, 1.0) == plan(2.5, 0.3) == 1
    for limit, rate in ((0.0, 0.0), (-0.1, 0.0), (0.1, 0.1), (0.1, 0.2), (float("nan"), 0.0)):
        with pytest.raises(ValueError, match="no number of samples can hold"):
            plan(limit, rate)
    for rate in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="rate is"):
            plan(0.5, rate)


# Membership scores

SCORES = st.lists(st.integers(-5, 5), min_size=1, max_size=60)


@given(SCORES, SCORES)
def test_auc_agrees_with_mann_whitney(members, nonmembers):
    peer = stats.mannwhitneyu(members, nonmembers).statistic / (len(members) * len(nonmembers))
    assert cs.auc(members, nonmembers) == pytest.approx(peer, abs=1e-12)
    assert cs.auc(members, nonmembers) + cs.auc(nonmembers, members) == pytest.approx(1)


def test_auc_at_its_ends():
    assert cs.auc([2, 3], [0, 1]) == 1
    assert cs.auc([0, 1], [2, 3]) == 0
    assert cs.auc([1, 1], [1, 1, 1]) == 0.5
    assert cs.auc([math.inf], [-math.inf, 0]) == 1


@given(SCORES, st.lists(st.integers(-5, 5), min_size=10, max_size=80), st.floats(0.1, 0.9), LEVELS)
def test_tpr_at_fpr_is_the_best_threshold_that_keeps_the_rate(members, nonmembers, fpr, level):
    members, nonmembers = np.array(members), np.array(nonmembers)
    point = cs.tpr_at_fpr(members, nonmembers, fpr, level)
    allowed = [t for t in np.unique(nonmembers) if (nonmembers > t).mean() <= fpr]
    assert point.fpr.value <= fpr
    assert point.threshold == min(allowed)
    assert point.tpr == cs.clopper_pearson(int((members > point.threshold).sum()), len(members), level)
    assert point.fpr == cs.clopper_pearson(int((nonmembers > point.threshold).sum()), len(nonmembers), level)


def test_tpr_at_fpr_without_ties_spends_the_whole_allowance():
    rng = np.random.default_rng(0)
    for fpr, n in ((0.01, 1000), (0.29, 100), (0.1, 30), (0.001, 1999)):
        point = cs.tpr_at_fpr(rng.normal(1, 1, 500), rng.normal(0, 1, n), fpr)
        assert point.fpr.value == max(k / n for k in range(n) if k / n <= fpr)
        assert point.nominal_fpr == fpr


def test_tpr_at_fpr_never_splits_a_tie():
    point = cs.tpr_at_fpr([1.0] * 50, [1.0] * 20 + [0.0] * 80, 0.1)
    assert (point.threshold, point.tpr.value, point.fpr.value) == (1.0, 0.0, 0.0)
    point = cs.tpr_at_fpr([1.0] * 50, [1.0] * 20 + [0.0] * 80, 0.2)
    assert (point.threshold, point.tpr.value, point.fpr.value) == (0.0, 1.0, 0.2)


def test_tpr_at_fpr_ignores_order_and_takes_infinite_scores():
    rng = np.random.default_rng(4)
    members, nonmembers = rng.integers(0, 9, 100).astype(float), rng.integers(0, 9, 100).astype(float)
    members[0], nonmembers[0] = math.inf, -math.inf
    point = cs.tpr_at_fpr(members, nonmembers, 0.05)
    assert point == cs.tpr_at_fpr(rng.permutation(members), rng.permutation(nonmembers), 0.05)


@given(st.floats(1e-7, 0.999))
def test_minimum_nonmembers_is_minimal(fpr):
    n = cs.minimum_nonmembers(fpr)
    assert 1 / n <= fpr
    assert n == 1 or 1 / (n - 1) > fpr


def test_tpr_at_fpr_refuses_fewer_nonmembers_than_it_needs():
    assert cs.minimum_nonmembers(0.001) == 1000
    with pytest.raises(ValueError, match=r"999 scores, too few .* at least 1000"):
        cs.tpr_at_fpr([1.0], np.arange(999), 0.001)
    assert cs.tpr_at_fpr([1e9], np.arange(1000), 0.001).fpr.value == 0.001


# Refusals

NAN = float("nan")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cs.wilson(0, 0), r"n is 0: .* at least one sample"),
        (lambda: cs.clopper_pearson(3, 2), "successes is 3, outside 0 to n = 2"),
        (lambda: cs.clopper_pearson(-1, 2), "successes is -1"),
        (lambda: cs.wilson(1.5, 2), "successes is 1.5, not a whole number"),
        (lambda: cs.wilson(1, 2, 0.0), "level is 0.0, outside"),
        (lambda: cs.wilson(1, 2, 1.0), "level is 1.0, outside"),
        (lambda: cs.paired_difference([1], [1], NAN), "level is nan"),
        (lambda: cs.independent_difference(1, 2, 1, 2, 95), "level is 95"),
        (lambda: cs.bootstrap_mean([0.1], 1.5, seed=0), "level is 1.5"),
        (lambda: cs.samples_to_hold(0.1, level=-1), "level is -1"),
        (lambda: cs.paired_difference([], []), r"before has shape \(0,\)"),
        (lambda: cs.paired_difference([[1]], [[1]]), r"before has shape \(1, 1\)"),
        (lambda: cs.paired_difference([1, 0], [1]), "before has 2 values and after has 1"),
        (lambda: cs.paired_difference([1, 0.5], [1, 1]), r"before\[1\] is 0.5, neither 0 nor 1"),
        (lambda: cs.mcnemar([1, 0], [1, 2]), r"after\[1\] is 2.0, neither 0 nor 1"),
        (lambda: cs.mcnemar([1, NAN], [1, 1]), "before has 1 NaN, the first at index 1"),
        (lambda: cs.mcnemar(["a"], ["b"]), "before has values of type"),
        (lambda: cs.bootstrap_mean([], seed=0), "values has shape"),
        (lambda: cs.bootstrap_mean([0.0, 1.1], seed=0), r"values\[1\] is 1.1, outside \[-1, 1\]"),
        (lambda: cs.bootstrap_mean([0.0, math.inf], seed=0), "inf, outside"),
        (lambda: cs.bootstrap_mean([0.0, 1.0], seed=0, resamples=10), "resamples is 10: too few"),
        (lambda: cs.bootstrap_mean([0.0, 1.0], seed=0, resamples=1e4), "resamples is 10000.0, not a whole number"),
        (lambda: cs.bootstrap_difference([0.1, 0.2], [0.1], True, seed=0), "a has 2 values and b has 1"),
        (lambda: cs.bootstrap_difference([0.1], [NAN], False, seed=0), "b has 1 NaN"),
        (lambda: cs.samples_to_hold(0.1, method="wald"), "'wald'; use 'clopper-pearson' or 'wilson'"),
        (lambda: cs.best_case_high(0), "n is 0"),
        (lambda: cs.auc([], [1.0]), "member_scores has shape"),
        (lambda: cs.auc([1.0], [NAN]), "nonmember_scores has 1 NaN"),
        (lambda: cs.tpr_at_fpr([1.0], [1.0], 0.0), "fpr is 0.0, outside"),
        (lambda: cs.tpr_at_fpr([1.0], [1.0], 1.0), "fpr is 1.0, outside"),
        (lambda: cs.minimum_nonmembers(NAN), "fpr is nan"),
    ],
)
def test_a_bad_argument_is_refused_with_its_name_and_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_import_is_light():
    """The module loads scipy when an interval is asked for, not before."""
    code = "import sys, casemate.core.statistics; sys.exit(any(name.startswith('scipy') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("members", "nonmembers"), [(50, 50), (100, 100), (100, 400)])
@pytest.mark.parametrize("tpr", [0.1, 0.3, 0.6])
def test_the_band_of_thresholds_keeps_the_level_of_a_true_positive_rate(members: int, nonmembers: int, tpr: float):
    rng, fpr, runs = np.random.default_rng(7), 0.05, 1500
    shift = stats.norm.ppf(1 - fpr) - stats.norm.ppf(1 - tpr)  # so that the true rate at 5 % is tpr
    wrong = np.zeros(2)
    for _ in range(runs):
        inside, outside = rng.standard_normal(members) + shift, rng.standard_normal(nonmembers)
        point = cs.tpr_at_fpr(inside, outside, fpr)
        assert point.liberal <= point.threshold <= point.strict
        low = cs.clopper_pearson(int((inside > point.strict).sum()), members).low
        high = cs.clopper_pearson(int((inside > point.liberal).sum()), members).high
        wrong += [low > tpr, high < tpr]
    assert (wrong / runs <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / runs)).all()


@pytest.mark.parametrize(("limit", "lost", "gained"), [(0.05, 0.04, 0.02), (0.05, 0.2, 0.18), (0.1, 0.05, 0.05)])
def test_pairs_to_hold_counts_what_is_gained(limit: float, lost: float, gained: float):
    n = cs.pairs_to_hold(limit, lost, gained=gained)

    def high(n: int) -> float:
        before = np.r_[np.ones(round(lost * n)), np.zeros(round(gained * n)), np.ones(n)][:n]
        after = np.r_[np.zeros(round(lost * n)), np.ones(round(gained * n)), np.ones(n)][:n]
        return cs.paired_difference(before, after).high

    assert high(round(1.1 * n)) <= limit < high(round(0.8 * n))
    assert n > cs.pairs_to_hold(limit, lost - gained) if lost > gained else n > cs.pairs_to_hold(limit)


def test_pairs_to_hold_refuses_shares_that_make_no_sense():
    for limit, lost, gained in ((0.05, 0.2, 0.1), (0.05, 0.9, 0.2), (1.0, 0.1, 0.1)):
        with pytest.raises(ValueError, match="shares of the same pairs"):
            cs.pairs_to_hold(limit, lost, gained=gained)
