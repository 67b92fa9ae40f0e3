import base64
import math
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.core.evidence import Example
from casemate.core.finding import Effect
from casemate.report import charts, picture
from casemate.report.samples import MOST_CHANGES, sample
from report.specimen import image_examples, table_examples


def decoded(uri: str) -> np.ndarray:
    """Read a PNG as the standard says, chunk by chunk with its checksums."""
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"), validate=True)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour, rest) == (8, 2, [0, 0, 0])
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + 3 * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 3)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_png_holds_the_colours(height: int, width: int, seed: int) -> None:
    shades = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
    assert np.array_equal(decoded(picture.png(shades)), shades)


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3), (2, 3, 1)])
def test_gray_pixels_are_found_in_every_geometry(shape: tuple[int, ...]) -> None:
    pixels = picture.as_pixels((0, 1, 2, 3, 4, 5), shape)
    assert pixels is not None
    assert np.array_equal(pixels[:, :, 0], [[0, 1, 2], [3, 4, 5]])


def test_channels_first_and_last_give_the_same_colours() -> None:
    last = np.arange(60.0).reshape(4, 5, 3)
    first = np.moveaxis(last, 2, 0)
    one, other = picture.as_pixels(tuple(last.ravel()), (4, 5, 3)), picture.as_pixels(tuple(first.ravel()), (3, 4, 5))
    assert one is not None
    assert other is not None
    assert np.array_equal(one, other)


@pytest.mark.parametrize("shape", [(6,), (), (2, 2), (0, 6), (-2, -3), (1, 1, 1, 6), (2, 1, 3), (6, 1, 2)])
def test_what_is_no_picture_gives_none(shape: tuple[int, ...]) -> None:
    if shape == (2, 1, 3):
        assert picture.as_pixels((1,) * 6, shape) is not None  # two rows of one pixel in three colours
    else:
        assert picture.as_pixels((1,) * 6, shape) is None


def test_a_picture_spans_black_to_white_and_survives_nan() -> None:
    pixels = picture.as_pixels((0.0, 0.5, 1.0, math.nan), (2, 2))
    assert pixels is not None
    assert decoded(picture.picture(pixels, 0, 1))[:, :, 0].tolist() == [[0, 128], [255, 0]]
    assert decoded(picture.picture(pixels, 0, 0)).shape == (2, 2, 3)


def test_values_are_drawn_in_the_range_that_they_live_in() -> None:
    assert picture.value_range(np.array([0.2, 0.9])) == (0, 1)
    assert picture.value_range(np.array([0.0, 15.0])) == (0, 16)
    assert picture.value_range(np.array([0.0]), np.array([200.0])) == (0, 255)
    assert picture.value_range(np.array([-3.0, 4.0])) == (-3, 4)


def test_the_difference_is_blue_for_less_and_orange_for_more() -> None:
    before, after = np.zeros((1, 3, 1)), np.array([[[-1.0], [0.0], [0.5]]])
    less, same, more = decoded(picture.difference(before, after))[0]
    assert less.tolist() == [0, 114, 178]
    assert same.tolist() == [255, 255, 255]
    assert more.tolist() == [234, 174, 128]
    assert (decoded(picture.difference(before, before)) == 255).all()


def test_images_show_three_pictures() -> None:
    shown = sample(image_examples(1)[0])
    assert shown.pictures is not None
    assert (shown.pictures.width, shown.pictures.height) == (8, 8)
    assert shown.changes == ()
    assert shown.features == 64
    assert 0 < shown.changed < 64


def test_tables_show_the_columns_that_changed_in_their_order() -> None:
    shown = sample(table_examples()[1])
    assert shown.pictures is None
    assert [(c.name, c.before, c.after) for c in shown.changes] == [
        ("income", "21,000", "24,250"),
        ("years-employed", "1", "1.5"),
        ("open-accounts", "5", "4"),
        ("share-of-credit-used", "0.9", "0.71"),
    ]
    assert (shown.changed, shown.features, shown.more) == (4, 6, 0)


def test_wide_tables_show_the_largest_changes_and_count_the_rest() -> None:
    n = 40
    example = Example((0.0,) * n, tuple(float(i) for i in range(n)), (n,), (), "a", "b")
    shown = sample(example)
    assert [change.name for change in shown.changes] == [f"column {i + 1}" for i in range(n - MOST_CHANGES, n)]
    assert shown.more == n - 1 - MOST_CHANGES


@pytest.mark.parametrize(
    "damage",
    [{"before": ()}, {"after": (1.0,)}, {"shape": (99, 99)}, {"shape": (8, 8), "before": (1.0,) * 3}, {"names": ()}],
)
def test_damaged_examples_show_what_they_can(damage: dict[str, object]) -> None:
    for example in (*image_examples(1), *table_examples()):
        shown = sample(replace(example, **damage))
        assert shown.features <= len(example.before)
        assert shown.pictures is None or damage == {"names": ()}


def bar(value: float, low: float, high: float, limit: float | None = 0.2) -> str:
    return charts.interval_bar(Effect("e", value, low, high, 10), limit)


def test_an_interval_is_drawn_to_scale() -> None:
    drawn = bar(0.5, 0.25, 0.75)
    assert '<circle class="dot" cx="60"' in drawn
    assert 'class="band" x="31.5"' in drawn
    assert 'width="57"' in drawn
    assert 'class="limit" d="M25.8 0V14"' in drawn
    assert "limit" not in bar(0.5, 0.25, 0.75, None)


def test_what_lies_outside_is_drawn_at_the_edge_and_nan_not_at_all() -> None:
    assert 'cx="3"' in bar(-0.1, -0.2, -0.05)
    assert 'cx="117"' in bar(1.5, 1.2, 2.0)
    assert bar(math.nan, 0, 1) == ""
    assert charts.interval_bar(None, 0.2) == ""


def test_bars_are_drawn_to_scale() -> None:
    assert 'class="part" y="1" width="60"' in charts.bar(0.5, 1.0)
    assert 'class="part" y="1" width="120"' in charts.bar(7.0, 1.0)
    assert charts.bar(None, 1.0) == charts.bar(1.0, 0.0) == charts.bar(math.inf, 1.0) == ""
