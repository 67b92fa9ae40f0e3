"""Cluster: the Ray that is running, or one started on this machine for a while."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from casemate.core.errors import ExtraMissing


@contextmanager
def ray_cluster() -> Iterator[Any]:
    """Yield Ray, over the cluster that is running or that RAY_ADDRESS names; else over one that ends afterwards.

    Raises:
        ExtraMissing: Ray is not installed.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise ExtraMissing("Ray is not installed", fix="pip install 'casemate[ray]'") from None
    if ray.is_initialized():
        yield ray
        return
    # Workers find the user's modules where this process finds them, and use one thread each, as local workers do.
    variables = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}
    ray.init(
        runtime_env={"env_vars": variables},
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield ray
    finally:
        ray.shutdown()
