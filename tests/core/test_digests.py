from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from casemate.core.digests import digest
from casemate.core.seeds import derive, generator

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=8,
)


@given(plain)
def test_same_content_same_digest(value: object):
    assert digest(value) == digest(value)


@given(plain, plain)
def test_different_content_different_digest(a: object, b: object):
    assert (digest(a) == digest(b)) == (repr(a) == repr(b))


@given(st.text(), st.text())
def test_borders_between_parts_count(a: str, b: str):
    assert digest(a, b) != digest(a + b)
    if b:
        assert digest(a, b) != digest(a + b[0], b[1:])


def test_dictionaries_have_no_order():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 2, "b": 1})


def test_arrays_differ_by_values_shape_and_type():
    a = np.arange(6)
    assert digest(a) == digest(a.copy()) == digest(a[::-1][::-1])
    assert len({digest(a), digest(a.reshape(2, 3)), digest(a.astype(np.int32)), digest(a + 1)}) == 4


def test_a_path_stands_for_its_content(tmp_path: Path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("same")
    two.write_text("same")
    before = digest(one)
    assert before == digest(two)
    one.write_text("other")
    assert digest(one) != before


def test_refuses_what_has_no_content():
    with pytest.raises(TypeError, match="object"):
        digest(object())


def test_seeds_follow_from_names_alone():
    assert derive(0, "a", "b") == derive(0, "a", "b")
    assert len({derive(0, "a", "b"), derive(1, "a", "b"), derive(0, "ab"), derive(0, "b", "a"), derive(0, "a")}) == 5
    assert 0 <= derive(2**40, "x") < 2**31
    assert generator(3, "x").integers(1 << 30) == generator(3, "x").integers(1 << 30)


def test_every_kind_of_mapping_counts_its_values():
    assert digest(MappingProxyType({"a": 1})) == digest({"a": 1})
    assert digest(MappingProxyType({"a": 1})) != digest(MappingProxyType({"a": 2}))


def test_sets_have_one_digest_whatever_their_order():
    program = "from casemate.core.digests import digest; print(digest({'a', 'b', 'c', 'd'}, frozenset({1, 2})))"
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1
    assert digest({"a"}) != digest(["a"])


def test_an_array_of_objects_has_none():
    with pytest.raises(TypeError, match="objects"):
        digest(np.array(["a", None], dtype=object))


def test_a_struct_is_its_fields():
    class Band(Struct, frozen=True):
        width: int
        names: tuple[str, ...] = ()

    assert digest(Band(5)) == digest(Band(5, ()))
    assert digest(Band(5)) != digest(Band(6))
    assert digest({"age": Band(5, ("a",))}) != digest({"age": Band(5, ("b",))})
