"""Lineage: the record of where data came from and what it touched, and the ways to add to it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from casemate.core.errors import ShapeMismatch, UnknownName, did_you_mean
from casemate.core.provenance import ColumnEdge, DatasetVersion, Run
from casemate.lineage.asking import Asking
from casemate.lineage.batch import Batch
from casemate.lineage.runs import Runs, now, stamp
from casemate.lineage.things import Model, Verdict, assess, link, model_number, must_exist

if TYPE_CHECKING:
    import polars

    from casemate.lineage.tokens import Bits, Tokens

TRAINED = "the model was trained on it"


class Lineage(Asking):
    """The record of what was done with data: append-only, each entry chained to the one before."""

    def record(
        self, run: Run, *, models: Sequence[int] = (), subjects: Mapping[str, polars.Series] | None = None
    ) -> int:
        """Record one run; return the number of its entry.

        Where a run tells no edges between columns of a data set that it read or wrote, an opaque edge between the
        whole data sets is recorded instead.

        Args:
            run: what ran, what it read and wrote, and what each column owes to which.
            models: numbers of the model versions that it asked, as `record_model` returns them.
            subjects: whom each row of a data set is about, by the data set's name: ids as they are in the source, even
                where the data has pseudonyms or none. The series' name is that of the column, or empty.

        Raises:
            ErasedSubject: a data set holds somebody who was erased.
            LineageError: a run that lacks its job, actor or time zone, or an edge without a reason.
            UnknownName: an edge of a column or data set that is not there.
            StoreError: it could not be written; nothing of it was.
        """
        made = {name: self.subjects.tokens(ids) for name, ids in (subjects or {}).items()}
        with self.appending() as batch:
            writer = Runs(batch, (*run.inputs, *run.outputs))
            for name, tokens in made.items():
                self._keep(batch, writer, run, name, tokens, (subjects or {})[name].name)
            return writer.add(run, models)

    def _keep(self, batch: Batch, writer: Runs, run: Run, name: str, tokens: Tokens, column: str) -> None:
        """Index the people of a data set of a run."""
        version = next((version for version in (*run.outputs, *run.inputs) if version.name == name), None)
        if version is None:
            raise UnknownName(
                f"the run has no data set {name!r}.{did_you_mean(name, (v.name for v in (*run.outputs, *run.inputs)))}"
            )
        if 0 <= version.rows != tokens.total:
            raise ShapeMismatch(f"{name} has {version.rows} rows, but {tokens.total} people were named")
        self.subjects.refuse_erased(tokens, name)
        self.subjects.keep(batch, writer.versions.of(version).id, tokens, column)

    def index(self, dataset: int, ids: polars.Series, *, actor: str, bits: Bits = 64) -> int:
        """Index whom each row of a version is about, so that they are found; return the number of the entry.

        Args:
            dataset: number of the version.
            ids: of the people, in the order of the rows; named as the column that holds them.
            actor: who says so.
            bits: length of the tokens; 128 where there are more than about 10^8 people.

        Raises:
            ErasedSubject: somebody among them was erased.
        """
        made = self.subjects.tokens(ids, bits)
        with self.appending() as batch:
            must_exist(batch, dataset, "dataset_version")
            self.subjects.refuse_erased(made, f"data set {dataset}")
            self.subjects.keep(batch, dataset, made, ids.name)
            return batch.close("subjects", stamp(now()), actor)

    def index_like(self, dataset: int, like: int, *, actor: str) -> bool:
        """Index a version that holds the rows of another in the same order, such as its opened copy.

        Args:
            dataset: number of the version.
            like: number of the other; where nobody knows whom its rows are about, nothing is indexed.
            actor: who says so.

        Returns:
            Whether it was indexed.
        """
        known = {index.dataset: index for index in self.subjects.indexes()}
        if like not in known or dataset in known:
            return False
        made = self.subjects.read(known[like])
        with self.appending() as batch:
            must_exist(batch, dataset, "dataset_version")
            self.subjects.refuse_erased(made, f"data set {dataset}")
            self.subjects.keep(batch, dataset, made, known[like].column)
            batch.close("subjects", stamp(now()), actor)
        return True

    def record_all(self, runs: Sequence[Run]) -> list[int]:
        """Record runs in their order, all or none of them; return the numbers of their entries."""
        with self.appending() as batch:
            writer = Runs(batch, (version for run in runs for version in (*run.inputs, *run.outputs)))
            return [writer.add(run) for run in runs]

    def record_model(
        self,
        model: Model,
        trained_on: Sequence[DatasetVersion],
        *,
        actor: str,
        columns: Mapping[str, Sequence[str]] | None = None,
        job: str = "train",
        why: str = TRAINED,
        started: datetime.datetime | None = None,
        finished: datetime.datetime | None = None,
        purpose: str = "",
        policy_digest: str = "",
        facts: Mapping[str, str] | None = None,
    ) -> int:
        """Record a version of a model and what it was trained on; return its number.

        Args:
            model: the version. Of one that is known already, further data that it was trained on is recorded.
            trained_on: versions of data sets.
            actor: who trained it.
            columns: the columns that it saw, by name of the data set. Default: all.
            job: what was run.
            why: the reason of the edges from columns to the model.
            started, finished: with time zone. Default: now.
            purpose: what the model is for, as the policy calls it.
            policy_digest: content digest of the policy that was followed.
            facts: further short facts of the training.
        """
        finished = finished or now()
        seen = columns or {}
        edges = tuple(
            ColumnEdge(name, "", job, why, source_dataset=version.name)
            for version in trained_on
            for name in seen.get(version.name, version.columns)
        )
        times, told = (started or finished, finished), facts or {}
        run = Run(job, actor, *times, tuple(trained_on), (), edges, purpose, policy_digest, facts=told)
        with self.appending() as batch:
            made = model_number(batch, model)
            Runs(batch, run.inputs).add(run, made=made, kind="model")
            return made

    def deploy(self, name: str, model: int, *, actor: str, location: str = "", why: str = "it answers with it") -> int:
        """Record that a deployment answers with a version of a model; return the number of the deployment.

        Args:
            name: of the deployment; one that had another model has this one from now on.
            model: number of the model version.
            actor: who deployed it.
            location: where it answers, without secrets.
            why: the reason.
        """
        with self.appending() as batch:
            must_exist(batch, model, "model_version")
            made = batch.add("deployment", name, model, batch.text(location))
            link(batch, model, made, "deploy", why)
            batch.close("deployment", stamp(now()), actor)
            return made

    def consume(self, name: str, of: int, *, actor: str, about: str = "", why: str = "it uses what it gives") -> int:
        """Record that a consumer uses a deployment, a model or a data set; return the number of the consumer.

        Args:
            name: of the consumer: a service, a report, a team.
            of: number of what it uses.
            actor: who says so.
            about: what it is, in a sentence.
            why: the reason.
        """
        with self.appending() as batch:
            must_exist(batch, of, "deployment", "model_version", "dataset_version")
            made = Runs(batch, ()).named("consumer", name, batch.text(about))
            link(batch, of, made, "serve", why)
            batch.close("consumer", stamp(now()), actor)
            return made

    def purpose(self, name: str, *, actor: str, about: str = "") -> int:
        """Record a purpose that data may be used for; return its number."""
        with self.appending() as batch:
            made = Runs(batch, ()).named("purpose", name, batch.text(about))
            batch.close("purpose", stamp(now()), actor)
            return made

    def key_epoch(self, name: str, epoch: str, *, actor: str, status: str = "begun") -> int:
        """Record that keys of a purpose or data set began, were rotated or shredded; return the entry's number."""
        with self.appending() as batch:
            batch.add("key_epoch", name, epoch, status)
            return batch.close("key epoch", stamp(now()), actor)

    def assess(
        self, digest: str, system: str, verdict: str, findings: Sequence[Verdict], *, actor: str, location: str = ""
    ) -> int:
        """Record an assessment, and which versions of data sets and models its findings concern; return its number.

        Args:
            digest: SHA-256 of the stored assessment.
            system: name of the system.
            verdict: over all, as the assessment words it.
            findings: what was found.
            actor: who assessed.
            location: where the assessment is stored, without secrets.
        """
        with self.appending() as batch:
            made = assess(batch, digest, system, verdict, location, findings)
            batch.close("assessment", stamp(now()), actor)
            return made

    @contextmanager
    def appending(self) -> Iterator[Batch]:
        """Yield a batch that alone may append; written at the end, forgotten where an error is raised."""
        with self.store.appending() as connection:
            batch = Batch(connection)
            yield batch
            batch.flush()
