"""Cluster: Ray Data, and tables on their way to and from it."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from casemate.core.cluster import ray_cluster
from casemate.core.errors import CasemateError, ExtraMissing

if TYPE_CHECKING:
    import polars


@contextmanager
def cluster() -> Iterator[Any]:
    """Yield Ray Data over the cluster that is running or that RAY_ADDRESS names; else one of this machine, for a while.

    Raises:
        ExtraMissing: Ray is not installed.
        CasemateError: what a worker raised, as it raised it.
    """
    with ray_cluster() as ray:
        try:
            data: Any = importlib.import_module("ray.data")
        except ImportError as error:
            raise ExtraMissing(f"Ray Data is not installed: {error}", fix="pip install 'casemate[ray]'") from None
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        data.DataContext.get_current().enable_progress_bars = False
        try:
            yield data
        except ray.exceptions.RayError as error:
            raise _told(error) from error


def to_arrow(frame: polars.DataFrame) -> Any:
    """Return a frame as an Arrow table."""
    import polars as pl

    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


def to_frame(table: Any, schema: Mapping[str, Any]) -> polars.DataFrame:
    """Return an Arrow table as a frame with the types of a schema; columns that it does not name stay as they are."""
    import polars as pl

    frame = pl.DataFrame(pl.from_arrow(table))
    return frame.cast({name: schema[name] for name in frame.columns if name in schema})


def tables(dataset: Any) -> Iterator[Any]:
    """Yield the blocks of a data set of Ray as Arrow tables, in any order."""
    return iter(dataset.iter_batches(batch_size=None, batch_format="pyarrow"))


def mapped(dataset: Any, change: Callable[[Any], Any]) -> Any:
    """Return a data set of Ray with every block, an Arrow table, changed."""
    return dataset.map_batches(change, batch_size=None, batch_format="pyarrow", zero_copy_batch=True)


def _told(error: BaseException) -> BaseException:
    """Return what our own code raised in a worker; what Ray says of it where there is none."""
    seen: list[BaseException] = [error]
    for found in seen:
        if isinstance(found, CasemateError):
            return found
        causes = (getattr(found, "cause", None), found.__cause__, found.__context__)
        seen += [cause for cause in causes if isinstance(cause, BaseException) and cause not in seen]
    return CasemateError(
        f"Ray could not finish the work: {str(error).strip().splitlines()[-1]}",
        why="nothing was published",
        fix="look at the logs of the cluster, or use another --engine: the outcome is the same",
        details=str(error),
    )
