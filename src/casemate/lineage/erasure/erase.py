"""Erase: carry out a plan, version by version, so that it can be taken up again wherever it was cut off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.core.errors import LineageError
from casemate.core.provenance import ColumnEdge, DatasetVersion, Run
from casemate.lineage.batch import Batch, plain
from casemate.lineage.erasure.formats import FORMATS, Format
from casemate.lineage.erasure.plan import Affected, Plan, Step
from casemate.lineage.erasure.receipt import Counted, Erased, Receipt, Signed, Told, reference, sign, write
from casemate.lineage.erasure.residue import Residue, in_store, scan, texts_with
from casemate.lineage.erasure.rewrite import copied, remove
from casemate.lineage.runs import Runs, now, stamp
from casemate.lineage.things import must_exist
from casemate.store import Store

if TYPE_CHECKING:
    from casemate.lineage.lineage import Lineage
    from casemate.lineage.tokens import Tokens

JOB = "casemate lineage erase"
WHY = "all rows but those of one person, who was erased"
FOLDER = "receipts"
ENDS = {"rewrite": "rewritten", "delete": "deleted", "shred": "shredded", "gone": "gone"}

Shredder = Callable[[str], None]
"""Destroys the key of a name."""

Watch = Callable[[int, int, str], None]
"""Told after every version: how many are done, of how many, and which was."""


def erase(
    lineage: Lineage,
    plan: Plan,
    subject: str,
    *,
    actor: str,
    reason: str,
    shredder: Shredder | None = None,
    formats: Sequence[Format] = FORMATS,
    watch: Watch | None = None,
) -> Signed:
    """Erase a person; return the signed receipt, which lies among the lineage's files too.

    Every version is dealt with by itself: first the copy without the person is recorded, then it takes the file's
    place, then the old version is recorded as ended. An erasure that was cut off is taken up by a new plan.

    Args:
        lineage: an open lineage.
        plan: of `casemate.lineage.erasure.plan.plan`, just made.
        subject: the person's id.
        actor: who erases.
        reason: why; must not name the person.
        shredder: destroys keys; needed where the plan does.
        formats: that files are rewritten in.
        watch: see `Watch`.

    Raises:
        LineageError: a model without a decision, or a file that cannot be rewritten; what was done before stays done.
    """
    _check(plan, subject, actor, reason, shredder)
    work = _Work(lineage, subject, actor, shredder, formats)
    with lineage.store.appending():  # one process at a time
        lineage.subjects.tombstones.add(subject)
    for position, step in enumerate(plan.steps):
        work.deal_with(step)
        if watch:
            watch(position + 1, len(plan.steps), str(step.dataset))
    return work.finish(plan, reason)


def _check(plan: Plan, subject: str, actor: str, reason: str, shredder: Shredder | None) -> None:
    if plan.undecided:
        names = ", ".join(map(str, plan.undecided))
        raise LineageError(
            f"nobody said what becomes of models that saw the person: {names}",
            why="a model may remember what it was trained on",
            fix="decide for each: --model NAME=retrain|unlearn|accepted-risk:REASON",
        )
    if not reason or not actor:
        raise LineageError("an erasure needs a reason and who asks for it", fix="give --reason and --actor")
    if subject in f"{reason} {actor}":
        raise LineageError(
            "the reason or the actor names the person", why="it would stay in the lineage", fix="refer to the request"
        )
    if shredder is None and any(step.method == "shred" for step in plan.steps):
        raise LineageError("the plan destroys keys, and there is no key store", fix="name one with --keys")


@dataclass
class _Work:
    lineage: Lineage
    subject: str
    actor: str
    shredder: Shredder | None
    formats: Sequence[Format]
    done: list[Erased] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    removed: set[Path] = field(default_factory=set)
    rewritten: dict[Path, str] = field(default_factory=dict)
    looked: dict[int, Tokens] = field(default_factory=dict)

    def deal_with(self, step: Step) -> None:
        """Do what the plan says with one version."""
        self.columns.add(step.column or (step.index.column if step.index else ""))
        version = step.version
        told = Erased(version.name, version.digest, version.location, step.method, len(step.rows), note=step.reason)
        if step.method == "unreachable":
            self.done.append(told)
            return
        if step.method == "rewrite":
            told = self._rewrite(step, told)
        elif step.method == "delete":
            told = replace(told, note="; ".join(self._remove(step)))
        elif step.method == "shred":
            assert self.shredder is not None
            self.shredder(step.key)
            told = replace(told, key=step.key)
        self._end(step)
        self.done.append(told)

    def _remove(self, step: Step) -> list[str]:
        """Remove a file, once, even where it is several data sets'."""
        path = step.place.path
        assert path is not None
        if path in self.removed:
            return []
        self.removed.add(path)
        return remove(path)

    def _rewrite(self, step: Step, told: Erased) -> Erased:
        path, format, version = step.place.path, step.place.format, step.version
        assert path is not None
        assert format is not None
        tokens = self._tokens(step)
        if path in self.rewritten:  # the same file under another name
            new = replace(version, digest=self.rewritten[path], rows=-1)
            self._record(version, new, tokens.without(step.rows) if tokens else None, self._column(step))
            return replace(told, new_digest=new.digest, note="the same file as another data set's")
        with copied(path, format, step.rows) as copy:
            expected = tokens.total if tokens else version.rows
            if 0 <= expected != copy.total:
                raise LineageError(
                    f"{version.name} has {copy.total} rows where {expected} were recorded",
                    where=str(path),
                    why="the rows of the person could not be told from others",
                    fix="index the version again: casemate lineage index",
                )
            new = replace(version, digest=copy.digest, rows=copy.total - len(step.rows))
            self._record(version, new, tokens.without(step.rows) if tokens else None, self._column(step))
            copy.take_place(version.digest)
            self.rewritten[path] = copy.digest
            self.rows += copy.left
            self.files.add(path)
            note = "; ".join(filter(None, (step.reason, *copy.notes)))
            return replace(told, new_digest=copy.digest, note=note)

    def _record(self, old: DatasetVersion, new: DatasetVersion, tokens: Tokens | None, column: str) -> None:
        moment = now()
        edges = tuple(ColumnEdge(name, name, "identity", WHY) for name in old.columns)
        run = Run(JOB, self.actor, moment, moment, (old,), (new,), edges)
        with self.lineage.appending() as batch:
            writer = Runs(batch, (old, new))
            if tokens is not None:
                self.lineage.subjects.keep(batch, writer.versions.of(new).id, tokens, column)
            writer.add(run)

    def _end(self, step: Step) -> None:
        """Record that a version exists no more, and take the person's tokens out of its index."""
        tokens = self._tokens(step)
        with self.lineage.appending() as batch:
            must_exist(batch, step.dataset.number, "dataset_version")
            if step.dataset.number not in self.lineage.subjects.ended():
                batch.add("dataset_end", step.dataset.number, ENDS[step.method], batch.text("an erasure"))
            if tokens is not None:
                self.lineage.subjects.keep(batch, step.dataset.number, tokens.silent(step.rows), self._column(step))
            batch.close("end of a version", stamp(now()), self.actor)
        self.lineage.subjects.sweep()

    def _tokens(self, step: Step) -> Tokens | None:
        """The tokens of a version, from its index or else from the file itself while it is there."""
        subjects = self.lineage.subjects
        if step.index is not None:
            return subjects.read(step.index)
        cached = self.looked.get(step.dataset.number)
        if cached is None and (step.method != "rewrite" or not step.column or step.place.path in self.rewritten):
            return None
        if cached is None:
            assert step.place.path is not None
            assert step.place.format is not None
            cached = subjects.tokens(step.place.format.ids(step.place.path, step.column))
            self.looked[step.dataset.number] = cached
        return cached

    @staticmethod
    def _column(step: Step) -> str:
        return step.column or (step.index.column if step.index else "")

    def finish(self, plan: Plan, reason: str) -> Signed:
        """Record the erasure, look for what is left of the person, and sign."""
        lineage = self.lineage
        with lineage.appending() as batch:
            emptied = _empty(batch, self.subject)
            _decide(batch, plan.affected)
            _introduce(batch, lineage.keys.public)
            facts = {method: str(sum(done.method == method for done in self.done)) for method in (*ENDS, "unreachable")}
            mark = reference(lineage.keys, self.subject)
            batch.put("erasure", mark, batch.text(reason), batch.text(plain(facts)))
            when = stamp(now())
            entry = batch.close("erasure", when, self.actor)
            hashed = batch.head.hash
        tidy(lineage.store)
        models = tuple(_told(one) for one in plan.affected)
        unchecked = tuple(map(str, plan.unchecked))
        figures = tuple(Counted(str(one.dataset), one.protected, one.note) for one in plan.figures)
        told = (tuple(self.done), models, unchecked, self._residue(), emptied, entry, hashed, figures)
        receipt = Receipt(mark, when, self.actor, reason, *told)
        signed = sign(receipt, lineage.keys)
        write(signed, lineage.files / FOLDER / f"{entry}.json")
        return signed

    def _residue(self) -> Residue:
        store = self.lineage.store
        files = {*self.files, *(path for path in self.lineage.files.rglob("*") if path.is_file())}
        if store.path is not None:
            files |= {store.path.with_name(store.path.name + ending) for ending in ("", "-wal", "-shm")}
        found = scan(self.subject, self.rows, files, self.formats, self.columns - {""})
        notes = found.notes if store.path else (*found.notes, "the database was searched by query, not byte for byte")
        return replace(found, hits=(*found.hits, *in_store(store, self.subject)), notes=notes)


def tidy(store: Store) -> None:
    """Have a database really let go of what was emptied: its journal is written back, dead rows are cleared."""
    with store.engine.connect() as connection:
        if store.path is not None:
            connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
        else:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM text")


def _empty(batch: Batch, subject: str) -> int:
    """Take away the texts that name the person; return how many."""
    from casemate.store.tables import text

    numbers = texts_with(batch.connection, subject)
    for number in numbers:
        batch.connection.execute(text.update().where(text.c.id == number).values(salt=None, body=None))
    return len(numbers)


def _decide(batch: Batch, affected: Sequence[Affected]) -> None:
    for one in affected:
        assert one.decision is not None
        batch.add("model_decision", one.model.number, one.decision.choice, batch.text(one.decision.reason))


def _introduce(batch: Batch, public: str) -> None:
    """Record the key that signs, where the chain does not know it yet."""
    from sqlalchemy import select

    from casemate.store.tables import installation

    query = select(installation.c.id).where(installation.c.public_key == public)
    if batch.connection.execute(query).first() is None:
        batch.add("installation", public)


def _told(one: Affected) -> Told:
    assert one.decision is not None
    return Told(
        one.model.name,
        one.model.digest,
        one.decision.choice,
        one.decision.reason,
        tuple(map(str, one.deployments)),
        tuple(map(str, one.consumers)),
    )
