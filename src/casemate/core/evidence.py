"""Evidence: what an attack did, sample by sample. It judges nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from casemate.core.errors import ShapeMismatch

EvidenceKind = Literal["rate", "difference"]
MAX_EXAMPLES = 4
MAX_EXAMPLE_VALUES = 3072


@dataclass(frozen=True)
class Example:
    """One sample to show in a report.

    Args:
        before, after: the sample's features as the victim knew it and as the attacker presented it.
        shape: geometry of the sample; an image when it has two or three sides.
        names: the columns' names, for tables.
        before_label, after_label: the system's answers, as class names.
        note: anything a reader should know.
        before_text, after_text: the same for samples that are no numbers, such as rows about people: what was known of
            a person, and what was published; then ``before`` and ``after`` are empty.
    """

    before: tuple[float, ...]
    after: tuple[float, ...]
    shape: tuple[int, ...]
    names: tuple[str, ...]
    before_label: str
    after_label: str
    note: str = ""
    before_text: tuple[str, ...] = ()
    after_text: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spent:
    """What an attack used up.

    Args:
        queries: rows asked of the system.
        rows: training rows changed, added or removed.
        seconds: wall-clock seconds.
        passes: rows put through a white-box network.
        trainings: models trained, victim's and attacker's.
        refusals, alarms: queries that were refused, and that raised an alarm.
    """

    queries: int = 0
    rows: int = 0
    seconds: float = 0.0
    passes: int = 0
    trainings: int = 0
    refusals: int = 0
    alarms: int = 0


@dataclass(frozen=True, eq=False)
class Evidence:
    """Paired per-sample outcomes of one attack on one arm.

    Args:
        metric: what the effect measures, in words: ``"evasion success"``.
        kind: ``rate``: the effect is the mean of ``outcome``; ``difference``: it is the mean of ``baseline`` minus
            the mean of ``outcome`` over the same samples.
        outcome: per sample, (n,) bool. In a rate: the attacker won. In a difference: correct after the attack, or
            guessed right without what was released.
        baseline: per sample, correct before the attack, or guessed right with what was released; differences only.
        detected: per sample, whether an alarm was raised on the winning answer; rates only.
        ids: identities of the samples, so that arms can be compared sample by sample.
        figures: further numbers worth reporting, by name; those that are not finite are left out.
        examples: a few samples to look at.
        notes: what a reader should know.
        surely, perhaps: per sample, (n,) bool, the least and the most that the attacker may have won where the outcome
            is not certain: a threshold that was estimated, a row that the attack could not see. The effect's interval
            covers both. Rates only; None where the outcome is all there is to know.
    """

    metric: str
    kind: EvidenceKind
    outcome: np.ndarray
    baseline: np.ndarray | None = None
    detected: np.ndarray | None = None
    ids: np.ndarray | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()
    surely: np.ndarray | None = None
    perhaps: np.ndarray | None = None

    def __post_init__(self) -> None:
        outcome = np.asarray(self.outcome)
        if outcome.ndim != 1 or outcome.dtype != bool:
            raise ShapeMismatch(
                f"outcomes have shape {outcome.shape} and type {outcome.dtype}",
                where=f"evidence {self.metric!r}",
                fix="give one boolean per sample",
            )
        finite = {name: float(value) for name, value in self.figures.items() if math.isfinite(value)}
        object.__setattr__(self, "figures", finite)
        for name in ("baseline", "detected", "ids", "surely", "perhaps"):
            value = getattr(self, name)
            if value is not None and np.shape(value) != outcome.shape:
                raise ShapeMismatch(
                    f"{len(outcome)} outcomes, but {name} has shape {np.shape(value)}",
                    where=f"evidence {self.metric!r}",
                    fix="give one value per sample, in the same order",
                )

    def __len__(self) -> int:
        return len(self.outcome)

    @classmethod
    def paired(
        cls,
        metric: str,
        *,
        before: np.ndarray,
        after: np.ndarray,
        ids: np.ndarray | None = None,
        figures: Mapping[str, float] | None = None,
        examples: tuple[Example, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> Evidence:
        """Evidence that something was lost: per sample, whether it was right before and after the attack."""
        figures = {f"{metric} before": float(np.mean(before)), f"{metric} after": float(np.mean(after))} | dict(
            figures or {}
        )
        return cls(
            f"{metric} lost", "difference", np.asarray(after), np.asarray(before), None, ids, figures, examples, notes
        )

    @classmethod
    def rate(
        cls,
        metric: str,
        *,
        won: np.ndarray,
        detected: np.ndarray | None = None,
        ids: np.ndarray | None = None,
        figures: Mapping[str, float] | None = None,
        examples: tuple[Example, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> Evidence:
        """Evidence that something succeeded: per sample, whether the attacker won, and whether an alarm was raised."""
        return cls(metric, "rate", np.asarray(won), None, detected, ids, dict(figures or {}), examples, notes)

    @classmethod
    def lift(
        cls,
        metric: str,
        *,
        informed: np.ndarray,
        blind: np.ndarray,
        ids: np.ndarray | None = None,
        figures: Mapping[str, float] | None = None,
        examples: tuple[Example, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> Evidence:
        """Evidence that something was learned: per sample, whether a guess was right with and without it.

        The effect is the share of right guesses with it in excess of that without it.
        """
        shares = {"right with it": float(np.mean(informed)), "right without it": float(np.mean(blind))}
        known = (shares if len(informed) else {}) | dict(figures or {})
        return cls(metric, "difference", np.asarray(blind), np.asarray(informed), None, ids, known, examples, notes)

    def undetected(self) -> Evidence:
        """Return the evidence counting only wins that raised no alarm; itself where nothing could be detected."""
        if self.detected is None:
            return self
        unseen = ~self.detected
        least = None if self.surely is None else self.surely & unseen
        most = None if self.perhaps is None else self.perhaps & unseen
        return replace(self, outcome=self.outcome & unseen, surely=least, perhaps=most, detected=None)

    def on(self, ids: np.ndarray) -> Evidence:
        """Return the evidence on the samples with the given identities, in that order.

        Raises:
            KeyError: an identity that the evidence does not hold.
        """
        own = self.ids if self.ids is not None else np.empty(0, dtype=np.int64)
        order = np.argsort(own, kind="stable")
        places = np.searchsorted(own[order], ids)
        if not np.isin(ids, own).all():
            raise KeyError(int(np.setdiff1d(ids, own)[0]))
        rows = order[places]

        def pick(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[rows]

        return replace(
            self,
            outcome=self.outcome[rows],
            baseline=pick(self.baseline),
            detected=pick(self.detected),
            ids=pick(self.ids),
            surely=pick(self.surely),
            perhaps=pick(self.perhaps),
        )
