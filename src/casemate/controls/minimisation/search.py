"""Minimisation: leave out columns, then detail, as long as the model answers about as well; price what is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from casemate.controls.minimisation.boundaries import boundaries
from casemate.controls.minimisation.detail import Bands, Detail, stand_in
from casemate.controls.minimisation.uniqueness import known_columns, unique_share
from casemate.core.errors import RecipeMissing
from casemate.core.model import Model
from casemate.core.seeds import derive, generator
from casemate.core.statistics import Interval, paired_difference
from casemate.core.system import System

LEAVES = (2, 4, 8, 16, 32, 64, 128, 256)
"""Sizes of the mimicking tree, from the least detail to the most."""
MOST_TRIED = 8
"""Columns tried per round; the model leans least on them."""
CHOOSING_SHARE = 0.3

Watch = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """One thing left out.

    Args:
        column: whose.
        what: ``dropped``, or into how many bands it was put.
        accuracy: accuracy on the choosing rows afterwards, in [0, 1].
        unique: share of the training rows that are unique in what is left of the known columns, in [0, 1].
    """

    column: str
    what: str
    accuracy: float
    unique: float


@dataclass(frozen=True, eq=False)
class Minimised:
    """What a model needs, and what it costs to give it no more.

    Args:
        detail: what is left of each column.
        steps: what was left out, in order.
        before, after: accuracy on the held-out rows, of a model trained on everything and of one trained on what is
            left, in [0, 1].
        loss: accuracy lost on the held-out rows, with its paired interval. They served no choice.
        unique_before, unique_after: share of the training rows that are unique in the known columns, in [0, 1].
        choosing, held_out: rows that the choices were made on, and that the price was measured on.
    """

    detail: Detail
    steps: tuple[Step, ...]
    before: float
    after: float
    loss: Interval
    unique_before: float
    unique_after: float
    choosing: int
    held_out: int


def minimise(
    system: System, *, max_loss: float, seed: int = 0, level: float = 0.95, watch: Watch | None = None
) -> Minimised:
    """Find how little of the data a system's model needs.

    First whole columns go, greedily: of the `MOST_TRIED` columns that the model leans on least, that one whose loss is
    within ``max_loss`` and that takes most uniqueness with it. Then every remaining column is put into bands between
    the model's decision boundaries, with as few as the same loss allows. A model is trained for every trial, on part of
    the training rows; trials are compared on the others; the price is measured on the test rows, once, at the end.

    Args:
        system: its training rows, test rows and recipe; its controls are left out of it.
        max_loss: accuracy that may be lost on the choosing rows, as a fraction in [0, 1].
        seed: seed of the split and of every training.
        level: confidence level of the price.
        watch: called with what is being tried.

    Raises:
        RecipeMissing: the system has no recipe, and no model can be trained on less.
        RecipeError: the recipe failed.
    """
    if system.recipe is None:
        raise RecipeMissing(
            f"the system {system.name!r} has no recipe, and what a model needs is found by training on less",
            where="[model] recipe",
            fix='add recipe = "module:function" to the system file',
        )
    search = _Search(system, max_loss, seed, watch or (lambda _: None))
    search.drop_columns()
    search.band_columns()
    return search.priced(level)


class _Search:
    """The state of one search: what is left so far, and how well a model does on it."""

    def __init__(self, system: System, max_loss: float, seed: int, watch: Watch) -> None:
        assert system.recipe is not None
        self.recipe, self.test, self.watch = system.recipe, system.test, watch
        self.seed = derive(seed, "minimise", "train")
        self.train = system.train
        order = generator(seed, "minimise", "split").permutation(len(system.train))
        choosing = round(CHOOSING_SHARE * len(order))
        self.choosing, self.fitting = system.train.take(order[:choosing]), system.train.take(order[choosing:])
        self.known = known_columns(system.train.schema)
        self.detail = Detail(system.train.schema)
        self.steps: list[Step] = []
        self.model = self._trained(self.detail)
        self.accuracy = self._accuracy(self.model, self.detail)
        self.least = self.accuracy - max_loss

    def drop_columns(self) -> None:
        """Leave out columns while one can go."""
        while len(self.detail.kept) > 1:
            trials = [self._without(name) for name in self._leant_on_least()]
            fitting = [trial for trial in trials if trial[1] >= self.least]
            if not fitting:
                return
            detail, accuracy, model = min(fitting, key=lambda trial: (self._unique(trial[0]), -trial[1]))
            gone = next(name for name in self.detail.kept if name not in detail.kept)
            self._take(detail, accuracy, model, gone, "dropped")

    def band_columns(self) -> None:
        """Put all remaining columns into bands, as few as will do together; then each by itself into fewer still."""
        kept = [self.detail.schema.names.index(name) for name in self.detail.kept]
        reduced = self.detail.apply(self.fitting)
        scores = self.model.scores(reduced.X)
        coarser: list[dict[str, Bands]] = []
        for leaves in LEAVES:
            bands = boundaries(reduced, scores, kept, leaves)
            self.watch(f"bands of {leaves} leaves")
            if self._try(self.detail.banded(bands), "every column", f"bands of a tree of {leaves} leaves"):
                break
            coarser.append(bands)
        else:
            return
        for name in self.detail.kept:
            self._narrow(name, [bands[name] for bands in coarser])

    def _narrow(self, name: str, coarser: list[Bands]) -> None:
        """Put one column into the fewest bands with which the others can stay as they are."""
        now = self.detail.bands[name]
        for bands in coarser:
            if len(bands) < len(now):
                self.watch(f"{name} in {len(bands)} bands")
                if self._try(self.detail.banded({name: bands}), name, f"{len(bands)} bands"):
                    now = bands
                    break
        if len(now) == 1:  # nothing of it is told any more
            dropped = self.detail.without(name, float(now.stand_ins[0]))
            self._take(dropped, self.steps[-1].accuracy, self.model, name, "dropped")

    def _try(self, detail: Detail, column: str, what: str) -> bool:
        """Take a detail if a model does well enough on it."""
        model = self._trained(detail)
        accuracy = self._accuracy(model, detail)
        if accuracy >= self.least:
            self._take(detail, accuracy, model, column, what)
        return accuracy >= self.least

    def priced(self, level: float) -> Minimised:
        """Train on everything and on what is left, and compare both on the test rows."""
        self.watch("the price on held-out rows")
        full, least = Detail(self.train.schema), self.detail
        rights = []
        for detail in (full, least):
            model = self.recipe.train(detail.apply(self.train), self.seed)
            rights.append(model.scores(detail.reduce(self.test.X)).argmax(axis=1) == self.test.y)
        return Minimised(
            detail=least,
            steps=tuple(self.steps),
            before=float(rights[0].mean()),
            after=float(rights[1].mean()),
            loss=paired_difference(rights[0], rights[1], level),
            unique_before=self._unique(full),
            unique_after=self._unique(least),
            choosing=len(self.choosing),
            held_out=len(self.test),
        )

    def _take(self, detail: Detail, accuracy: float, model: Model, column: str, what: str) -> None:
        self.detail, self.model = detail, model
        self.steps.append(Step(column, what, accuracy, self._unique(detail)))

    def _without(self, name: str) -> tuple[Detail, float, Model]:
        self.watch(f"without {name}")
        index = self.detail.schema.names.index(name)
        value = stand_in(self.fitting.X[:, index], self.detail.schema.columns[index])
        detail = self.detail.without(name, value)
        model = self._trained(detail)
        return detail, self._accuracy(model, detail), model

    def _leant_on_least(self) -> list[str]:
        """Names of the columns whose shuffling changes fewest answers, at most `MOST_TRIED`."""
        rng = generator(self.seed, "shuffle")
        X = self.detail.reduce(self.choosing.X)
        usual = self.model.scores(X).argmax(axis=1)
        changed = {}
        for name in self.detail.kept:
            index = self.detail.schema.names.index(name)
            shuffled = X.copy()
            shuffled[:, index] = rng.permutation(shuffled[:, index])
            changed[name] = float((self.model.scores(shuffled).argmax(axis=1) != usual).mean())
        return sorted(changed, key=lambda name: changed[name])[:MOST_TRIED]

    def _trained(self, detail: Detail) -> Model:
        return self.recipe.train(detail.apply(self.fitting), self.seed)

    def _accuracy(self, model: Model, detail: Detail) -> float:
        answers = model.scores(detail.reduce(self.choosing.X)).argmax(axis=1)
        return float((answers == self.choosing.y).mean())

    def _unique(self, detail: Detail) -> float:
        return unique_share(detail.reduce(self.train.X)[:, self.known])
