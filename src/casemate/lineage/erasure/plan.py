"""Plan of an erasure: every version that holds the person and what becomes of it, and every model that saw them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from casemate.core.errors import CasemateError, LineageError, UnknownName
from casemate.core.provenance import DatasetVersion
from casemate.lineage.erasure.figures import Figures, aggregates, figures
from casemate.lineage.erasure.formats import FORMATS, Format
from casemate.lineage.erasure.places import Place, place_of
from casemate.lineage.names import Thing, every
from casemate.lineage.tokens import as_text, spoken
from casemate.lineage.versions import load

if TYPE_CHECKING:
    from casemate.lineage.lineage import Lineage
    from casemate.lineage.subjects import Index

Method = Literal["rewrite", "delete", "shred", "gone", "unreachable"]
"""rewrite: the file is written again without the person's rows. delete: the file is removed. shred: the key that the
version is sealed with is destroyed. gone: another version took its place already. unreachable: nothing can be done."""

Choice = Literal["retrain", "unlearn", "accepted-risk"]
PAST = "it exists no more"
"""The reason of a step of a version that was ended before; its tokens are kept for the models that it made."""

CHOICES: tuple[Choice, ...] = ("retrain", "unlearn", "accepted-risk")


@dataclass(frozen=True)
class Decision:
    """What becomes of a model that was trained on the person's data.

    Args:
        choice: see `Choice`.
        reason: why; never empty.
    """

    choice: Choice
    reason: str

    def __post_init__(self) -> None:
        if self.choice not in CHOICES:
            raise UnknownName(f"{self.choice!r} is no choice for a model", fix=f"use one of: {', '.join(CHOICES)}")
        if not self.reason:
            raise LineageError(f"{self.choice} needs a reason", why="whoever reads the receipt will ask for it")


@dataclass(frozen=True)
class Wishes:
    """What the user wants done, beyond rewriting files.

    Args:
        delete: data sets, by name or name@digest, whose versions are removed as a whole.
        shred: keys by data set, by name or name@digest, that are destroyed.
        models: decisions by model, by name or name@digest; "" for every other one.
    """

    delete: frozenset[str] = frozenset()
    shred: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, Decision] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Step:
    """What becomes of one version.

    Args:
        dataset: the version.
        version: what is known of it.
        method: see `Method`.
        rows: positions of the person's rows, (r,) int64.
        index: its tokens; None where the rows were found in the file itself.
        place: where it is.
        reason: why it cannot be reached, or how it was found.
        key: name of the key that is destroyed.
        column: the column of the file that the rows were found by, where there are no tokens.
    """

    dataset: Thing
    version: DatasetVersion
    method: Method
    rows: np.ndarray
    index: Index | None
    place: Place
    reason: str = ""
    key: str = ""
    column: str = ""


@dataclass(frozen=True)
class Affected:
    """A model that was trained on data that holds the person.

    Args:
        model: the version.
        decision: what becomes of it; None where nobody decided.
        deployments, consumers: what uses it.
    """

    model: Thing
    decision: Decision | None
    deployments: tuple[Thing, ...]
    consumers: tuple[Thing, ...]


@dataclass(frozen=True)
class Plan:
    """What an erasure does.

    Args:
        steps: one for each version that holds the person.
        affected: the models downstream of them.
        unchecked: versions without tokens whose files could not be looked into either: nobody knows.
        figures: aggregates that the person was counted in, or may have been.
    """

    steps: tuple[Step, ...]
    affected: tuple[Affected, ...]
    unchecked: tuple[Thing, ...]
    figures: tuple[Figures, ...] = ()

    @property
    def undecided(self) -> tuple[Thing, ...]:
        """The models of which nobody said what becomes of them."""
        return tuple(one.model for one in self.affected if one.decision is None)


def plan(lineage: Lineage, subject: str, wishes: Wishes | None = None, formats: Sequence[Format] = FORMATS) -> Plan:
    """Return what an erasure would do; nothing is changed.

    Args:
        lineage: an open lineage.
        subject: the person's id, as it is in the source.
        wishes: see `Wishes`.
        formats: that files are rewritten in.

    Raises:
        LineageError: an empty id, or tokens that cannot be read.
    """
    if not subject:
        raise LineageError("whom to erase is not said", fix="give the person's id as it is in the source data")
    return _Planning(lineage, subject, wishes or Wishes(), formats).plan()


class _Planning:
    def __init__(self, lineage: Lineage, subject: str, wishes: Wishes, formats: Sequence[Format]) -> None:
        self.lineage = lineage
        self.subject = subject
        self.wishes = wishes
        self.formats = formats
        self.versions = every(lineage.store, "dataset")
        self.known = {thing.digest for thing in self.versions}
        lineage.subjects.refresh()
        self.indexes = {index.dataset: index for index in lineage.subjects.indexes()}
        self.ended = lineage.subjects.ended()
        self.id_columns = {index.column for index in self.indexes.values()} - {""}

    def plan(self) -> Plan:
        holders = set(self.lineage.subjects.holders(self.subject))
        steps: list[Step] = []
        unchecked: list[Thing] = []
        for thing in self.versions:
            if thing.number in holders:
                steps.append(self._indexed(thing))
            elif thing.number not in self.indexes and thing.number not in self.ended:
                step, checked = self._looked_into(thing)
                steps += [step] if step else []
                unchecked += [] if checked else [thing]
        holding = [step.dataset.number for step in steps]
        figures, unchecked = self._figures(set(holding), unchecked)
        return Plan(tuple(steps), tuple(self._affected(holding)), tuple(unchecked), tuple(figures))

    def _figures(self, holding: set[int], unchecked: Sequence[Thing]) -> tuple[list[Figures], list[Thing]]:
        """Tell the aggregates among what could not be checked from the rest; leave out those without the person."""
        with self.lineage.store.reading() as connection:
            made = aggregates(connection)
        unknown = {thing.number for thing in unchecked} - set(made)
        told, left = list[Figures](), list[Thing]()
        for thing in unchecked:
            how = made.get(thing.number)
            found = figures(thing, how, counted=bool(how.sources & holding)) if how else None
            if how is None or found is None:
                left.append(thing)
            elif how.sources & (holding | unknown):
                told.append(found)
        return told, left

    def _indexed(self, thing: Thing) -> Step:
        index = self.indexes[thing.number]
        rows = self.lineage.subjects.rows(index, self.subject)
        version = self._load(thing.number)
        if thing.number in self.ended:
            return Step(thing, version, "gone", rows, index, Place("replaced"), PAST)
        return self._step(thing, version, rows, index, place_of(version, self.known, self.formats))

    def _looked_into(self, thing: Thing) -> tuple[Step | None, bool]:
        """Look for the person in a file without tokens; return what becomes of it, and whether anybody can know."""
        version = self._load(thing.number)
        place = place_of(version, self.known, self.formats)
        if place.state == "replaced":
            return None, True
        if place.path is None or place.format is None:
            return None, False
        names = [name for name in place.format.columns(place.path) if name in self._candidates(version)]
        found = [rows_of(place.format.ids(place.path, name), self.subject) for name in names]
        rows = np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)
        if not len(rows):
            return None, bool(names)
        column = next(name for name, some in zip(names, found, strict=True) if len(some))
        return replace(self._step(thing, version, rows, None, place), column=column), True

    def _candidates(self, version: DatasetVersion) -> set[str]:
        return self.id_columns | {name for name, role in version.roles.items() if role == "identifier"}

    def _step(self, thing: Thing, version: DatasetVersion, rows: np.ndarray, index: Index | None, place: Place) -> Step:
        def made(method: Method, reason: str = "", key: str = "") -> Step:
            return Step(thing, version, method, rows, index, place, reason, key)

        key = self._wished(self.wishes.shred, thing)
        if key:
            return made("shred", key=key)
        if place.state == "replaced":
            return made("gone", "another version lies where it was")
        if place.state == "unreachable":
            return made("unreachable", place.reason)
        if {thing.name, str(thing)} & self.wishes.delete:
            return made("delete")
        if place.format is None:
            return made("unreachable", "no way to rewrite this kind of file: have it deleted, or its key destroyed")
        return made("rewrite", "" if index else "found by looking into the file")

    def _affected(self, roots: Sequence[int]) -> Iterable[Affected]:
        if not roots:
            return
        for model in self.lineage.things(self.lineage.blast_radius(*roots).of("model"), "model"):
            reach = self.lineage.blast_radius(model.number)
            yield Affected(
                model,
                self.wishes.models.get(str(model)) or self.wishes.models.get(model.name) or self.wishes.models.get(""),
                tuple(self.lineage.things(reach.of("deployment"), "deployment")),
                tuple(self.lineage.things(reach.of("consumer"), "consumer")),
            )

    def _load(self, number: int) -> DatasetVersion:
        with self.lineage.store.reading() as connection:
            return load(connection, number)

    @staticmethod
    def _wished(wished: Mapping[str, str], thing: Thing) -> str:
        return wished.get(str(thing)) or wished.get(thing.name) or ""


def rows_of(ids: object, subject: str) -> np.ndarray:
    """Return the rows of a column that hold an id, ascending; none where the column cannot hold ids."""
    import polars as pl

    assert isinstance(ids, pl.Series)
    try:
        texts = as_text(ids)
    except CasemateError:
        return np.zeros(0, np.int64)
    wanted = spoken(subject).decode()
    normal = texts if subject.isascii() else texts.str.normalize("NFC")
    return (normal == wanted).fill_null(False).arg_true().to_numpy().astype(np.int64)
