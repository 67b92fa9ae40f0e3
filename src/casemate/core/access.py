"""Access: what an attacker is granted: knowledge, capabilities and a budget."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

Knowledge = Literal["white-box", "gray-box", "black-box"]
Norm = Literal["linf", "l2"]

_RANK: dict[str, int] = {"black-box": 0, "gray-box": 1, "white-box": 2}
_CAPABILITIES: dict[str, str] = {
    "scores": "confidence scores",
    "training_rows": "a hand on training rows",
    "training_labels": "a hand on training labels",
    "recipe": "the training recipe",
    "population": "rows of the same population",
    "teacher": "the teacher model",
    "server": "sight of what the server holds",
    "messages": "a hand on messages",
}


@dataclass(frozen=True)
class Budget:
    """What an attacker may spend. ``None`` means that nothing was said: no limit, or the attack's own default.

    Args:
        queries: rows asked of the system in the whole attack.
        queries_per_row: rows asked per row attacked; the whole attack may ask this times the rows attacked.
        share: share of the training rows that may be changed or added, in [0, 1].
        rows: the same as a number of rows; the Target works it out.
        norm: how changes to an input are measured, in the unit box of the schema.
        radius: largest change to an input in that norm; for ``linf`` a share of each column's range.
        references: models that the attacker may train on data of its own.
        clients: accounts that the attacker may ask through.
        seconds: wall-clock seconds of the attacker's own for one attack on one arm; an attack that is not done by then
            could not run.
    """

    queries: int | None = None
    queries_per_row: int | None = None
    share: float | None = None
    rows: int | None = None
    norm: Norm | None = None
    radius: float | None = None
    references: int | None = None
    clients: int | None = None
    seconds: float | None = None

    def over(self, defaults: Budget) -> Budget:
        """Return this budget with whatever it leaves open taken from ``defaults``."""
        gaps = {name: getattr(defaults, name) for name in _BUDGET_FIELDS if getattr(self, name) is None}
        return replace(self, **gaps)


_BUDGET_FIELDS = tuple(Budget.__dataclass_fields__)


@dataclass(frozen=True)
class Access:
    """What an attack needs, or what a system's owner assumes that attackers have.

    Args:
        knowledge: white box sees weights and gradients, gray box the recipe and the architecture, black box answers.
        scores: sees confidence scores; without them labels only.
        training_rows: may change or add rows of the training data.
        training_labels: may change labels of the training data.
        recipe: can train models of its own as the owner does.
        population: holds rows of its own from the population that the data came from.
        teacher: holds the public model that the system re-uses.
        server: sees all that the machine holds that the model runs on, messages, memory and disk; it computes as it
            should.
        messages: may read, alter and replay what travels between clients and that machine.
        budget: what it may spend.
    """

    knowledge: Knowledge = "black-box"
    scores: bool = False
    training_rows: bool = False
    training_labels: bool = False
    recipe: bool = False
    population: bool = False
    teacher: bool = False
    server: bool = False
    messages: bool = False
    budget: Budget = field(default_factory=Budget)

    @classmethod
    def everything(cls, budget: Budget | None = None) -> Access:
        """The strongest attacker: white box, training data, recipe, population, teacher, server and messages."""
        capabilities = dict.fromkeys(_CAPABILITIES, True)
        return cls("white-box", budget=budget or Budget(), **capabilities)

    @classmethod
    def training(cls, *, rows: bool = False, labels: bool = True, share: float = 0.05) -> Access:
        """An attacker who may change labels (or whole rows) of a share of the training data."""
        return cls(training_rows=rows, training_labels=labels or rows, budget=Budget(share=share))

    @classmethod
    def white_box(cls, *, norm: Norm = "linf", radius: float = 0.1) -> Access:
        """An attacker who differentiates through the model and may change inputs within a radius."""
        return cls("white-box", scores=True, budget=Budget(norm=norm, radius=radius))

    @classmethod
    def black_box(
        cls,
        *,
        scores: bool = False,
        population: bool = False,
        queries: int | None = None,
        queries_per_row: int | None = None,
        norm: Norm | None = None,
        radius: float | None = None,
    ) -> Access:
        """An attacker who only asks."""
        budget = Budget(queries=queries, queries_per_row=queries_per_row, norm=norm, radius=radius)
        return cls(scores=scores, population=population, budget=budget)

    def lacks(self, granted: Access) -> tuple[str, ...]:
        """Return, in words, what this access needs and ``granted`` does not give."""
        gaps = [] if _RANK[granted.knowledge] >= _RANK[self.knowledge] else [f"{self.knowledge} knowledge"]
        gaps += [text for name, text in _CAPABILITIES.items() if getattr(self, name) and not getattr(granted, name)]
        share = granted.budget.share
        if (self.training_rows or self.training_labels) and share is not None and share <= 0:
            gaps.append("a share of training rows above 0")
        return tuple(gaps)

    def granted(self, by: Access) -> Access:
        """Return this access with the budget that ``by`` grants; where that is silent, with its own default.

        An attack that makes do with labels is given scores where ``by`` grants them: whoever sees scores uses them.
        """
        return replace(self, scores=by.scores, budget=by.budget.over(self.budget))
