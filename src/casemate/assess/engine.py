"""Engine: jobs run side by side, on this machine or on Ray; a job that takes its process down costs itself alone."""

from __future__ import annotations

import importlib
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from casemate.assess.jobs import Job, Record
from casemate.core.cluster import ray_cluster
from casemate.core.errors import CasemateError

Engine = Literal["local", "ray"]

RAY_CALL = 4


class WorkerDied(CasemateError):
    """A job took its worker process down, or the system killed it for its memory."""


def run_all(jobs: Sequence[Job], done: Callable[[int, Record], None], *, workers: int, engine: Engine) -> None:
    """Run every job and hand each record over as it comes, in any order.

    Args:
        done: called with a job's position and its record.
        workers: processes; 1 runs in this process.
        engine: ``local`` processes, or a running (or freshly started local) ``ray``.

    Raises:
        KeyboardInterrupt: at once; records handed over so far stand.
        ExtraMissing: Ray is not installed.
    """
    if not jobs:
        return
    if engine == "local" and workers == 1:
        for index, job in enumerate(jobs):
            done(index, job.run())
        return
    missing = set(range(len(jobs)))

    def take(index: int, record: Record) -> None:
        missing.discard(index)
        done(index, record)

    try:
        _parallel(jobs, range(len(jobs)), take, workers, engine)
    except Exception as error:
        if not _died(error):
            raise
        # One of the jobs that were under way took the pool down. Alone in a pool, the culprit shows itself.
        for index in sorted(missing):
            _alone(jobs, index, take, engine)


def _alone(jobs: Sequence[Job], index: int, take: Callable[[int, Record], None], engine: Engine) -> None:
    try:
        _parallel(jobs, [index], take, 2, engine)
    except Exception as error:
        if not _died(error):
            raise
        cause = WorkerDied(
            f"{jobs[index].label} took its worker process down",
            why=str(error).splitlines()[0],
            fix="run it alone with --jobs 1 to see the crash, or look for the system's out-of-memory killer",
        )
        take(index, jobs[index].crashed(cause))


def _parallel(
    jobs: Sequence[Job], which: Sequence[int], take: Callable[[int, Record], None], workers: int, engine: Engine
) -> None:
    import joblib

    with _backend(engine):
        if engine == "local":
            pool = joblib.Parallel(
                n_jobs=workers, return_as="generator_unordered", pre_dispatch="2*n_jobs", batch_size=1
            )
            for index, record in pool(joblib.delayed(_run)(index, jobs[index]) for index in which):
                take(index, record)
            return
        # joblib's Ray backend hands nothing over before the end of a call, so calls are kept short.
        pool = joblib.Parallel(n_jobs=workers, batch_size=1)
        for start in range(0, len(which), RAY_CALL * workers):
            part = which[start : start + RAY_CALL * workers]
            for index, record in pool(joblib.delayed(_run)(index, jobs[index]) for index in part):
                take(index, record)


def _run(index: int, job: Job) -> tuple[int, Record]:
    return index, job.run()


def _leave_interrupts_to_the_parent() -> None:
    """A terminal sends Ctrl-C to every process; a worker that heard it would only add its traceback to the screen."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _died(error: BaseException) -> bool:
    """Whether an error means that a worker process is gone."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"BrokenProcessPool", "TerminatedWorkerError", "RayActorError", "WorkerCrashedError"})


@contextmanager
def _backend(engine: Engine) -> Iterator[None]:
    import joblib

    if engine == "local":
        with joblib.parallel_config(
            backend="loky", inner_max_num_threads=1, initializer=_leave_interrupts_to_the_parent
        ):
            yield
        return
    logging.getLogger("ray.util.multiprocessing.pool").setLevel(logging.ERROR)
    with ray_cluster():
        importlib.import_module("ray.util.joblib").register_ray()
        with joblib.parallel_config(backend="ray"):
            yield
