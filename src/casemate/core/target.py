"""Target: one arm of a system, narrowed to what an attacker was granted. An attack sees a Target and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from casemate.core import outcomes
from casemate.core.access import Access, Budget
from casemate.core.build import Built, build, release_of
from casemate.core.dataset import Dataset
from casemate.core.disclosure import Disclosure
from casemate.core.errors import AccessDenied
from casemate.core.evidence import Evidence, Spent
from casemate.core.guard import Guard
from casemate.core.ledger import Ledger
from casemate.core.model import Teacher
from casemate.core.request import FreshMemory, Prediction, ProcessMemory, Request
from casemate.core.schema import Schema
from casemate.core.seeds import derive, generator
from casemate.core.system import System
from casemate.core.tap import Tap, no_ring

if TYPE_CHECKING:
    import torch

MEASURED_ROWS = 2000


@dataclass(frozen=True)
class Seeds:
    """The three seeds of a cell.

    Args:
        victim: trains the system; the same in every arm and attack, so that arms differ by their controls alone.
        common: the attack's choices that every arm shares (which rows are attacked), so that arms can be paired.
        cell: everything else.
    """

    victim: int
    common: int
    cell: int

    @classmethod
    def of(cls, assessment: int, attack: str, arm: str) -> Seeds:
        """Draw a cell's seeds from (assessment seed, attack id, arm id)."""
        return cls(
            derive(assessment, "victim"), derive(assessment, "common", attack), derive(assessment, "cell", attack, arm)
        )


class Target:
    """One arm of a System narrowed to an Access.

    It counts every query, row, training and second, and raises `BudgetExceeded` when the budget does not hold what
    is asked, `AccessDenied` when the attacker was not granted it. Features are in the columns' own units; norms and
    radii are measured in the schema's unit box.

    Args:
        system: the arm.
        access: what the attacker is granted.
        seeds: the cell's seeds.
        samples: how many rows are attacked at most, in [1, rows].
    """

    def __init__(self, system: System, access: Access, seeds: Seeds, *, samples: int = 100) -> None:
        self._system = system
        self._seeds = seeds
        self._samples = samples
        self.access = access
        self.rng = np.random.default_rng(seeds.cell)
        self.common_rng = np.random.default_rng(seeds.common)
        self._ledger = Ledger(self._work_out(access.budget, samples))
        self._memory, self._turns = ProcessMemory(), ProcessMemory()

    # What the attacker knows.

    @property
    def schema(self) -> Schema:
        """Columns, ranges and classes."""
        return self._system.train.schema

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self._system.train.classes

    @property
    def budget(self) -> Budget:
        """What may be spent; ``rows`` and ``queries`` are worked out for this system."""
        return self._ledger.budget

    @property
    def spent(self) -> Spent:
        """What has been spent."""
        return self._ledger.spent()

    @property
    def queries_left(self) -> int | None:
        """Queries that the budget still holds; None without a limit."""
        limit = self.budget.queries
        return None if limit is None else limit - self._ledger.queries

    @property
    def controls(self) -> tuple[str, ...]:
        """Ids of the controls in place, for attacks that adapt to them. Gray box and above.

        Raises:
            AccessDenied: a black-box attacker does not know.
        """
        self._require(self.access.knowledge != "black-box", "gray-box knowledge")
        return tuple(control.id for control in self._system.controls)

    @cached_property
    def population(self) -> Dataset:
        """The attacker's own rows from the population that the data came from: half of the test rows."""
        self._require(self.access.population, "rows of the same population")
        return self._halves[1]

    @cached_property
    def holdout(self) -> Dataset:
        """Test rows on which the harness measures, at most 2,000; none of them is in `population`."""
        rows = self._halves[0] if self.access.population else self._system.test
        if len(rows) <= MEASURED_ROWS:
            return rows
        return rows.take(self._pick("holdout").permutation(len(rows))[:MEASURED_ROWS])

    @cached_property
    def victims(self) -> Dataset:
        """Up to ``samples`` rows of `holdout` that this arm answers correctly.

        Drawn in the same order in every arm, so that arms share all rows but those that one of them gets wrong. Where
        there are fewer than ``samples``, a budget of queries per row shrinks with them.
        """
        order = self.holdout.take(self._pick("victims").permutation(len(self.holdout)))
        victims = order.take(np.flatnonzero(self.correct(order))[: self._samples])
        self._ledger.budget = self._work_out(self.access.budget, len(victims))
        return victims

    @property
    def training_data(self) -> Dataset:
        """The training rows. Needs a hand on training labels or rows."""
        self._require(self.access.training_rows or self.access.training_labels, "a hand on the training data")
        return self._system.train

    @property
    def teacher(self) -> Teacher:
        """The public model that the system re-uses."""
        teacher = self._system.teacher
        self._require(self.access.teacher and teacher is not None, "the teacher model")
        assert teacher is not None
        return teacher

    @cached_property
    def disclosure(self) -> Disclosure:
        """The table that this arm gives away, the people whom the attacker is after, and the judges of what it learns.

        Raises:
            ReleaseMissing: the system gives no table away.
        """
        with self._ledger.pause():
            release = release_of(self._system, self._seeds.victim)
        assert self._system.release is not None
        return Disclosure(
            self._system.release,
            release,
            known=self._system.known,
            samples=self._samples,
            pick=self._pick,
            population=self.access.population,
        )

    @cached_property
    def tap(self) -> Tap:
        """What the machine that the model runs on holds, and what passes between it and clients.

        Needs sight of what the server holds, or a hand on messages.
        """
        granted = self.access.server or self.access.messages
        self._require(granted, "what the server holds, or what travels to it")
        honest = self.holdout.take(self._pick("honest").permutation(len(self.holdout))[: self._samples])
        return Tap(self._built.wire, self.access, self._ledger, honest, self._pick)

    @cached_property
    def network(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """The victim's differentiable map from rows (n, d) float32, in their own units, to logits (n, classes).

        White box only. Rows passed through it are counted as ``passes``; its weights are frozen.
        """
        self._require(self.access.knowledge == "white-box", "white-box knowledge")
        module = self._guard.model.network()
        self._require(module is not None, "a model with gradients")
        assert module is not None
        ledger, inner = self._ledger, module

        def forward(x: torch.Tensor) -> torch.Tensor:
            ledger.pass_through(len(x))
            logits: torch.Tensor = inner(x)
            return logits

        return forward

    def lacks(self, requires: Iterable[str]) -> str:
        """Return why the arm cannot be attacked by something that requires more of its model or release, or ``""``."""
        if "release" in requires:
            return self.disclosure.lacks(tuple(requires))
        if "network" in requires and self._guard.model.network() is None:
            gap = getattr(self._guard.model, "network_gap", None)  # such as an operator of a graph
            return f"the model has no gradients ({self._guard.model.kind}{f'; in the way: {gap}' if gap else ''})"
        if "ring" in requires and self._built.wire.ring is None:
            return no_ring(self._built.wire)
        if "trees" in requires and self._guard.model.trees() is None:
            return f"the model has no trees ({self._guard.model.kind})"
        return ""

    # What the attacker does.

    def ask(self, X: np.ndarray, campaigns: np.ndarray | None = None) -> Prediction:
        """Ask the system about rows (n, d), through its Guard. Counts n queries.

        The answer shows no alarms, which are for the owner, and scores only where the attacker was granted them.

        Args:
            campaigns: which attack each row belongs to, (n,) int64 from 0, where attacks on many rows are run side by
                side. Each is an attacker of its own to the Guard, with all the clients that the budget grants, as if
                the others were not there. Without it, all rows belong to one attack.
        """
        self._ledger.ask(len(X))
        reply = self._guard.ask(Request(X, "attacker", self._clients(len(X), campaigns), memory=self._memory))
        if reply.unmarked:
            return reply if self.access.scores else reply.labels_only()
        self._ledger.refusals += int(np.count_nonzero(reply.refused))
        self._ledger.alarms += int(np.count_nonzero(reply.alarmed))
        return outcomes.as_seen(reply, scores=self.access.scores)

    def labels(self, X: np.ndarray, campaigns: np.ndarray | None = None) -> np.ndarray:
        """Ask, and return the labels (n,) int64; -1 where refused. For ``campaigns`` see `ask`."""
        return self.ask(X, campaigns).labels

    def scores(self, X: np.ndarray, campaigns: np.ndarray | None = None) -> np.ndarray:
        """Ask, and return the scores (n, classes) as far as they are given. For ``campaigns`` see `ask`.

        One-hot labels where scores are withheld; zeros where refused. Needs access to scores.
        """
        self._require(self.access.scores, "confidence scores")
        return outcomes.scores_as_given(self.ask(X, campaigns), self.classes)

    def retrain(self, data: Dataset) -> Target:
        """Return the target as it would be had its owner trained on ``data``, all controls applied.

        Counts the rows that differ from the training data.

        Raises:
            BudgetExceeded: more rows were changed, added or removed than granted.
            AccessDenied: features were changed by an attacker who was granted labels only.
        """
        original = self.training_data
        self._ledger.change(data.changed_from(original))
        if not self.access.training_rows:
            same = np.array_equal(data.ids, original.ids) and np.array_equal(data.X, original.X)
            self._require(same, "a hand on training rows, not labels only")
        self._ledger.train(reference=False)
        child = Target(self._system, self.access, self._seeds, samples=self._samples)
        child._ledger, child._memory, child._turns = self._ledger, self._memory, self._turns
        child.rng, child.common_rng = self.rng, self.common_rng
        with self._ledger.pause():
            child.__dict__["_built"] = build(self._system, self._seeds.victim, data)
        return child

    def reference(self, data: Dataset, seed: int) -> Reference:
        """Train a model of the attacker's own as the owner does, controls included: an adaptive attacker.

        Needs the recipe; counts one reference model.
        """
        self._require(self.access.recipe, "the training recipe")
        self._ledger.train(reference=True)
        return Reference(build(self._system, seed, data).guard, self.classes)

    # What the harness measures and judges for the attack; none of it is charged to the attacker.

    def correct(self, data: Dataset) -> np.ndarray:
        """Return whether the system answers each row correctly, (n,) bool; a refusal is not correct."""
        return np.asarray(self._measure(data.X).labels == data.y)

    def present(
        self, X: np.ndarray, *, origin: Dataset, goal: np.ndarray | None = None, any_distance: bool = False
    ) -> Evidence:
        """Present finished adversarial examples once; the harness checks them and writes the evidence.

        A row wins when it is possible (ranges, whole numbers, one-hot groups, immutable columns), lies within the
        radius (unless ``any_distance``: a backdoor's trigger is bound by none), is answered, and the answer is wrong
        (or, with ``goal`` (n,), is the goal). Each row meets the system as a client's first request: the attacker
        comes back with the finished example alone.
        """
        reply = self._measure(X)
        budget = replace(self.budget, radius=None) if any_distance else self.budget
        return outcomes.evasion(X, origin, goal, reply, budget)

    @cached_property
    def suspects(self) -> Dataset:
        """Rows of which the attacker wants to know whether they were trained on.

        Members and non-members in equal numbers and random order, with identities that tell nothing. Members are the
        owner's own training rows, as they were before controls changed them, that were not left out of the training;
        a test row that also occurs among the training rows is no suspect. Arms share all members that were trained
        on in both.
        """
        return self._suspects[0]

    def unmask(self, scores: np.ndarray, *, fpr: float = 0.05) -> Evidence:
        """Hold membership scores (n,), higher meaning member, of the suspects against the truth.

        The evidence is over members: whether each is found at the threshold that flags at most ``fpr`` of the
        non-members.
        """
        _, truth, ids = self._suspects
        return outcomes.membership(np.asarray(scores, dtype=np.float64), truth, ids, fpr)

    def compare(self, copy: Callable[[np.ndarray], np.ndarray]) -> Evidence:
        """Hold a stolen copy, a map from rows (n, d) to labels (n,), against the system on `holdout`."""
        rows = self.holdout
        return outcomes.fidelity(copy(rows.X), self._measure(rows.X), rows)

    # Inside.

    @cached_property
    def _built(self) -> Built:
        retrain = self.access.training_rows or self.access.training_labels
        with self._ledger.pause():
            return build(self._system, self._seeds.victim, retrain=retrain)

    @property
    def _guard(self) -> Guard:
        return self._built.guard

    @cached_property
    def _halves(self) -> tuple[Dataset, Dataset]:
        test = self._system.test
        order = self._pick("population").permutation(len(test))
        middle = (len(test) + 1) // 2
        return test.take(np.sort(order[:middle])), test.take(np.sort(order[middle:]))

    @cached_property
    def _suspects(self) -> tuple[Dataset, np.ndarray, np.ndarray]:
        """The suspects, which of them are members, (n,) bool, and their true identities, (n,); see `suspects`."""
        rng, train = self._pick("suspects"), self._system.train
        drawn, others = rng.permutation(len(train)), self.holdout.take(rng.permutation(len(self.holdout)))
        members = drawn[np.isin(train.ids[drawn], self._built.data.ids)]
        outsiders = np.flatnonzero(~others.found_in(train))
        n = min(len(members), len(outsiders), max(self._samples, 20))
        return outcomes.shuffle(train.take(members[:n]), others.take(outsiders[:n]), rng)

    def _measure(self, X: np.ndarray) -> Prediction:
        self._ledger.check_time()
        guard = self._guard
        with self._ledger.pause():
            return guard.ask(Request(X, client="measured", memory=FreshMemory()))

    def _clients(self, rows: int, campaigns: np.ndarray | None) -> np.ndarray | None:
        """Return the client that asks each row, (rows,): the accounts of its campaign take turns."""
        accounts = max(1, self.budget.clients or 1)
        if accounts == 1:
            return campaigns
        if campaigns is None:
            campaigns = np.zeros(rows, dtype=np.int64)
        # A second memory of ours counts what each campaign has asked, whatever the Guard counts.
        turns = Request(np.empty((rows, 0)), clients=campaigns, memory=self._turns).tally("turn") - 1
        return np.asarray(campaigns * accounts + turns % accounts)

    def _pick(self, purpose: str) -> np.random.Generator:
        return generator(self._seeds.common, purpose)

    def _work_out(self, budget: Budget, attacked: int) -> Budget:
        # 0.29 * 100 is 28.999999999999996, and grants 29 rows.
        rows = None if budget.share is None else int(budget.share * len(self._system.train) + 1e-9)
        limits = [budget.queries]
        if budget.queries_per_row is not None:
            limits.append(budget.queries_per_row * attacked)
        known = [limit for limit in limits if limit is not None]
        return replace(budget, rows=rows, queries=min(known) if known else None)

    def _require(self, granted: bool, what: str) -> None:
        if not granted:
            raise AccessDenied(
                f"the attack uses {what}, which it did not ask for or was not granted",
                fix="declare it in the attack's needs, and grant it in [access]",
            )


@dataclass(frozen=True, eq=False)
class Reference:
    """A model that the attacker trained, behind the same controls as the victim."""

    guard: Guard
    classes: int

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return the scores (n, classes) as far as the controls give them; see `Target.scores`."""
        return outcomes.scores_as_given(self.guard.ask(Request(X, memory=FreshMemory())), self.classes)
