"""Replacing: polynomials for all functions of a draft, of the least degrees that leave its decisions as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from casemate.controls.homomorphic.activations import METHODS, Method, Replacement, replacement
from casemate.controls.homomorphic.circuits import AnswerKind, decided
from casemate.controls.homomorphic.drafts import Draft, DraftStep, Nonlinearity
from casemate.controls.homomorphic.merging import merged, takes_offsets
from casemate.core.statistics import wilson

Plan = tuple[int, ...]
"""The degree for each function, in order."""

Retrained = Callable[[tuple[Replacement, ...]], Draft]
"""From polynomials to the draft of a model that was trained with them in place of its functions."""


@dataclass(frozen=True)
class Settings:
    """How functions are replaced.

    Args:
        degrees: the degrees to try, ascending.
        agreement: the share of calibration rows whose decision must stay as it was; for numbers, the share of their
            variance that must be kept.
        margin: how much wider than what calibration rows give the intervals are at each end, as a share of their width.
    """

    degrees: tuple[int, ...] = (2, 3, 4, 5, 7)
    agreement: float = 0.99
    margin: float = 0.1


@dataclass(frozen=True, eq=False)
class Replaced:
    """A draft without functions, and what became of it.

    Args:
        draft: its steps are linear ones and polynomials.
        told: a sentence on what was replaced by what, and how well decisions agree.
    """

    draft: Draft
    told: str


def replaced(draft: Draft, rows: np.ndarray, settings: Settings, retrained: Retrained | None = None) -> Replaced:
    """Return a draft with polynomials in place of its functions.

    All functions get the smallest degree at which decisions agree; then each, from the last to the first, a lower one
    where they still do. Where no degree suffices, the best is kept, and told.

    Args:
        draft: merged; see `casemate.controls.homomorphic.merging.merged`.
        rows: the calibration rows, (n, features).
        settings: degrees to try, and what is asked.
        retrained: trains the model with the polynomials in place, where they alone do not suffice.
    """
    if not draft.nonlinear:
        return Replaced(draft, "")
    wanted = draft.scores(rows)
    best: tuple[float, Draft, str] | None = None
    for degree in settings.degrees:
        found, agreed = _best(draft, rows, wanted, (degree,) * len(draft.nonlinear), settings)
        if agreed >= settings.agreement and len(found) > 1:
            found, agreed = _lowered(draft, rows, wanted, found, settings)
        candidate = (agreed, _with(draft, found), _told(found, "on calibrated intervals"))
        if agreed < settings.agreement and retrained is not None:
            tuned = retrained(found)
            tuned = replace(tuned, steps=tuple(merged(tuned.steps, tuned.features)))
            agreed = _agreement(draft.answer, tuned.scores(rows), wanted)
            candidate = max(candidate, (agreed, tuned, _told(found, "and the model trained again")), key=lambda c: c[0])
        best = candidate if best is None or candidate[0] > best[0] else best
        if best[0] >= settings.agreement:
            break
    assert best is not None
    return Replaced(best[1], f"{best[2]}; {_agreed(draft.answer, best[1].scores(rows), wanted, settings)}")


def _best(
    draft: Draft, rows: np.ndarray, wanted: np.ndarray, plan: Plan, settings: Settings
) -> tuple[tuple[Replacement, ...], float]:
    """The replacements of these degrees, by the method with which most decisions stay."""
    best: tuple[tuple[Replacement, ...], float] | None = None
    for method in METHODS:
        found, scores = _run(draft, rows, plan, method, settings.margin)
        agreed = _agreement(draft.answer, scores, wanted)
        if best is None or agreed > best[1]:
            best = found, agreed
        if agreed >= settings.agreement:
            break
    assert best is not None
    return best


def _lowered(
    draft: Draft, rows: np.ndarray, wanted: np.ndarray, found: tuple[Replacement, ...], settings: Settings
) -> tuple[tuple[Replacement, ...], float]:
    """The same with lower degrees for single functions, as long as decisions agree."""
    plan, agreed = [one.polynomial.degree for one in found], 1.0
    for at in reversed(range(len(plan))):
        for degree in (d for d in settings.degrees if d < plan[at]):
            tried = tuple(degree if place == at else other for place, other in enumerate(plan))
            less, share = _best(draft, rows, wanted, tried, settings)
            if share >= settings.agreement:
                found, plan[at] = less, degree
                break
    agreed = _agreement(draft.answer, _with(draft, found).scores(rows), wanted)
    return found, agreed


def _run(
    draft: Draft, rows: np.ndarray, plan: Plan, method: Method, margin: float
) -> tuple[tuple[Replacement, ...], np.ndarray]:
    """Replacements layer by layer, each calibrated on what the earlier ones give; and the scores that come out."""
    found: list[Replacement] = []
    values = rows
    for step, after in zip(draft.steps, (*draft.steps[1:], None), strict=True):
        if isinstance(step, Nonlinearity):
            degree, free = plan[len(found)], takes_offsets(after)
            found.append(replacement(step, values, degree, method, margin=margin, offsets=free))
            values = found[-1](values)
        else:
            values = step(values)
    return tuple(found), values


def _with(draft: Draft, found: Sequence[Replacement]) -> Draft:
    """The draft with its functions replaced and its steps merged."""
    left = list(found)
    steps: list[DraftStep] = []
    for step in draft.steps:
        steps += left.pop(0).steps if isinstance(step, Nonlinearity) else [step]
    return replace(draft, steps=tuple(merged(steps, draft.features)))


def _agreement(answer: AnswerKind, scores: np.ndarray, wanted: np.ndarray) -> float:
    """The share of equal decisions; for numbers, the share of variance that is kept, in the worst of the outputs."""
    if not np.isfinite(scores).all():
        return 0.0
    if answer == "number":
        lost = ((scores - wanted) ** 2).mean(axis=0)
        return float((1 - lost / np.maximum(wanted.var(axis=0), 1e-300)).min())
    return float((decided(scores) == decided(wanted)).mean())


def _told(found: Sequence[Replacement], how: str) -> str:
    names = ", ".join(dict.fromkeys(one.polynomial.replaces for one in found))
    degrees = ", ".join(str(one.polynomial.degree) for one in found)
    methods = " and ".join(dict.fromkeys(one.method for one in found))
    word = "a polynomial of degree" if len(found) == 1 else "polynomials of degree"
    return f"{names} replaced by {word} {degrees} ({methods}) {how}"


def _agreed(answer: AnswerKind, scores: np.ndarray, wanted: np.ndarray, settings: Settings) -> str:
    """How well decisions agree, as part of a sentence."""
    share = _agreement(answer, scores, wanted)
    short = "" if share >= settings.agreement else f", less than the {settings.agreement:.1%} asked for"
    if answer == "number":
        return f"{share:.2%} of the answers' variance kept on {len(wanted):,} calibration rows{short}"
    same = int((decided(scores) == decided(wanted)).sum())
    interval = wilson(same, len(wanted))
    return (
        f"decisions agree on {same:,} of {len(wanted):,} calibration rows "
        f"(Wilson 95 % interval {interval.low:.1%} to {interval.high:.1%}){short}"
    )
