"""NumPy files: the arrays that are asked for, and no objects ever."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from casemate.core.errors import DataUnreadable, ShapeMismatch
from casemate.systems import unpacking
from casemate.systems.data.arrays import read_npy, read_npz

X = np.arange(12, dtype=np.float32).reshape(4, 3)
Y = np.array([0, 1, 0, 1])


def test_an_archive_of_features_and_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=X, y=Y, classes=np.array(["no", "yes"]), other=np.array([{}]))
    table, test = read_npz(tmp_path / "a.npz", "a.npz")
    assert test is None
    assert table.names == ("x0", "x1", "x2")
    assert table.classes == ("no", "yes")
    np.testing.assert_array_equal(table.values, X)
    np.testing.assert_array_equal(table.labels, Y)


def test_an_archive_may_hold_test_rows_and_names(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "a.npz",
        x_train=X,
        Y_train=Y[:, None],
        x_test=X[:2],
        y_test=Y[:2],
        feature_names=np.array(["a", "b", "c"]),
    )
    train, test = read_npz(tmp_path / "a.npz", "a.npz")
    assert test is not None
    assert (len(train), len(test)) == (4, 2)
    assert train.names == test.names == ("a", "b", "c")
    assert train.labels is not None
    assert train.labels.shape == (4,)


@pytest.mark.parametrize(
    ("given", "shape"),
    [((4, 5, 6), (5, 6)), ((4, 3, 5, 6), (3, 5, 6)), ((4, 5, 6, 3), (3, 5, 6)), ((4, 5, 6, 1), (1, 5, 6))],
)
def test_images_keep_their_shape_with_channels_in_front(
    tmp_path: Path, given: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    images = np.arange(np.prod(given)).reshape(given)
    np.savez(tmp_path / "a.npz", X=images, y=Y)
    table, _ = read_npz(tmp_path / "a.npz", "a.npz")
    assert table.shape == shape
    values = np.asarray(table.values)
    assert values.shape == (4, np.prod(shape))
    channels_first = images if shape == given[1:] else images.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(values.reshape(4, *shape), channels_first)


def test_a_pair_of_files(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    table = read_npy(tmp_path / "x.npy", tmp_path / "y.npy", "x.npy")
    np.testing.assert_array_equal(table.labels, Y)
    with pytest.raises(DataUnreadable, match="features alone") as caught:
        read_npy(tmp_path / "x.npy", None, "x.npy")
    assert "train-labels" in str(caught.value.fix)


class Bomb:
    """Marks the disk when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_objects_are_refused_and_never_unpickled(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    np.savez(tmp_path / "a.npz", X=np.array([Bomb(mark)], dtype=object), y=Y)
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Bomb(mark)))
    np.save(tmp_path / "c.npy", np.array([Bomb(mark)], dtype=object))
    for name in ("a.npz", "b.npz"):
        with pytest.raises(DataUnreadable, match="holds Python objects") as caught:
            read_npz(tmp_path / name, name)
        assert "run code" in str(caught.value.why)
    with pytest.raises(DataUnreadable, match="holds Python objects"):
        read_npy(tmp_path / "c.npy", tmp_path / "c.npy", "c.npy")
    assert not mark.exists()


def test_truncated_and_empty_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=X, y=Y)
    content = (tmp_path / "a.npz").read_bytes()
    for end in (0, 3, 10, len(content) // 2, len(content) - 5):
        (tmp_path / "b.npz").write_bytes(content[:end])
        with pytest.raises(DataUnreadable):
            read_npz(tmp_path / "b.npz", "b.npz")


def test_a_header_that_claims_a_huge_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    content = (tmp_path / "x.npy").read_bytes().replace(b"(4, 3)", b"(9**9)")
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(DataUnreadable):
        read_npy(tmp_path / "x.npy", tmp_path / "x.npy", "x.npy")
    np.save(tmp_path / "z.npy", np.zeros((1000000, 1)))
    content = (tmp_path / "z.npy").read_bytes()[:200].replace(b"(1000000, 1), }", b"(9999999999999,)}")
    (tmp_path / "z.npy").write_bytes(content)
    with pytest.raises(DataUnreadable):
        read_npy(tmp_path / "z.npy", tmp_path / "z.npy", "z.npy")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": X}, "no array 'y'"),
        ({"features": X, "y": Y}, "no array 'x'"),
        ({"X": Y, "y": Y}, "at least two axes"),
        ({"X": X.astype(str), "y": Y}, "must be numbers"),
    ],
)
def test_archives_without_what_is_needed_are_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataUnreadable, match=message):
        read_npz(tmp_path / "a.npz", "a.npz")


def test_lengths_that_disagree_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=X, y=Y[:3])
    with pytest.raises(ShapeMismatch, match=r"x has 4 rows, y has shape \(3,\)"):
        read_npz(tmp_path / "a.npz", "a.npz")
    np.savez(tmp_path / "a.npz", X=X, y=Y, feature_names=np.array(["a", "a", "b"]))
    with pytest.raises(ShapeMismatch, match="2 different names for 3 features"):
        read_npz(tmp_path / "a.npz", "a.npz")


def test_a_bare_array_is_no_archive(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(DataUnreadable, match="no archive"):
        read_npz(tmp_path / "x.npy", "x.npy")


def test_an_archive_that_would_swell_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "MAX_UNPACKED", 1000)
    path = tmp_path / "rows.npz"
    np.savez_compressed(path, X=np.zeros((1000, 4)), y=np.arange(1000) % 2)
    with pytest.raises(DataUnreadable, match="bomb"):
        read_npz(path, "rows.npz")
