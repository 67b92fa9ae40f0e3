import sys
from types import SimpleNamespace
from typing import Any

import pytest

from casemate.core.cluster import ray_cluster
from casemate.core.errors import ExtraMissing


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a stand-in for Ray is asked for."""
    found: list[str] = []

    def init(**options: Any) -> None:
        assert options["runtime_env"]["env_vars"]["OMP_NUM_THREADS"] == "1"
        found.append("init")

    fake = SimpleNamespace(is_initialized=lambda: "init" in found, init=init, shutdown=lambda: found.append("shutdown"))
    monkeypatch.setitem(sys.modules, "ray", fake)  # type: ignore[arg-type]
    return found


def test_one_is_started_and_stopped(calls: list[str]) -> None:
    with ray_cluster() as ray:
        assert ray is sys.modules["ray"]
        assert calls == ["init"]
    assert calls == ["init", "shutdown"]


def test_it_is_stopped_after_an_error_too(calls: list[str]) -> None:
    with pytest.raises(KeyError), ray_cluster():
        raise KeyError
    assert calls == ["init", "shutdown"]


def test_one_that_runs_is_used_and_goes_on(calls: list[str]) -> None:
    calls.append("init")
    with ray_cluster(), ray_cluster():
        pass
    assert calls == ["init"]


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExtraMissing, match="Ray is not installed"), ray_cluster():
        pass
