"""Taxonomies: common nodes, widths, and trees that are none."""

import numpy as np
import pytest

from casemate.controls.anonymity.taxonomies import Taxonomies
from casemate.core.errors import DataError, ShapeMismatch

# any -> (animal -> cat, dog; plant -> (tree -> oak, fir), moss)
TREE = np.array([[0, 0, 1, 1, 1], [0, 1, 2, 2, 3]])


def test_the_lowest_common_node():
    taxonomies = Taxonomies.pack([None, TREE], 2)
    low, high = np.array([0, 0, 0, 2, 2, 3]), np.array([0, 1, 2, 3, 4, 4])
    assert taxonomies.of.tolist() == [-1, 0]
    assert taxonomies.extent(1, low, high).tolist() == [0, 1, 4, 1, 2, 2]
    assert taxonomies.level(1, np.array([0, 2, 1]), np.array([4, 3, 1])).tolist() == [0, 2, 3]


def test_trees_of_different_size_share_one_table():
    taxonomies = Taxonomies.pack([TREE, np.array([[5, 9]])], 2)
    assert taxonomies.nodes.shape == (2, 4, 5)
    assert taxonomies.extent(1, np.array([0, 1]), np.array([1, 1])).tolist() == [1, 0]
    assert Taxonomies.pack(None, 3).of.tolist() == [-1, -1, -1]


@pytest.mark.parametrize(
    ("error", "text", "tree"),
    [
        (DataError, "a node of level 0 is torn apart in the taxonomy of column 0", [[0, 1, 0]]),
        (DataError, "level 1 of the taxonomy of column 0 joins", [[0, 1, 1], [0, 0, 1]]),
        (ShapeMismatch, "levels, codes", [0, 1, 2]),
        (ShapeMismatch, "levels, codes", [[], []]),
    ],
)
def test_what_is_no_tree_is_refused(error, text, tree):
    with pytest.raises(error, match=text):
        Taxonomies.pack([np.array(tree)], 1)


def test_one_entry_per_column():
    with pytest.raises(ShapeMismatch, match="1 taxonomies for 2 columns"):
        Taxonomies.pack([TREE], 2)
