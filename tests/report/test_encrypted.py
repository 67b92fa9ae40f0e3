"""What encrypted requests cost, in every report that people read; and nothing of it where rows travel in the clear."""

from dataclasses import replace

import pytest

from casemate.core.assessment import Assessment, WireCost
from casemate.core.record import decode, encode
from casemate.report import html, markdown, terminal, words
from casemate.report.facts import ENCRYPTED_PRICES, encrypted_prices
from report.specimen import specimen

WIRE = WireCost(59, 14_556, 14_602, 88_100_000, 1.3, 364.0, 58, 0.00058)


def encrypted() -> Assessment:
    record = specimen()
    costs = tuple(replace(cost, wire=WIRE) if cost.arm == "full" else cost for cost in record.costs)
    return replace(record, costs=costs)


def test_values_stand_under_their_titles() -> None:
    ((arm, values),) = encrypted_prices(encrypted())
    assert arm == "all controls"
    assert dict(zip(ENCRYPTED_PRICES, values, strict=True)) == {
        "Client": "1.3 ms",
        "Server": "364 ms",
        "Query": "14.6 kB",
        "Reply": "14.6 kB",
        "Keys, once": "88.1 MB",
        "Same label": "58 of 59",
        "Off by": "0.00058",
    }


@pytest.mark.parametrize("width", [80, 100, 160])
def test_they_are_shown_where_there_are_any(width: int) -> None:
    for made, shown in ((encrypted(), True), (specimen(), False)):
        pages = (terminal.render(made, width), markdown.render(made), html.render(made).decode())
        for page in pages:
            assert ("Encrypted requests" in page) is shown
            assert ("88.1 MB" in page and "58 of 59" in page) is shown
        assert max(map(len, pages[0].splitlines())) <= max(
            width, max(map(len, terminal.render(specimen(), width).splitlines()))
        )


def test_they_are_kept() -> None:
    again = decode(encode(encrypted()))
    assert next(cost.wire for cost in again.costs if cost.arm == "full") == WIRE


@pytest.mark.parametrize(
    ("bytes_", "said"), [(0, "0 B"), (950, "950 B"), (14_556, "14.6 kB"), (28e6, "28.0 MB"), (2.5e9, "2.5 GB")]
)
def test_sizes(bytes_: float, said: str) -> None:
    assert words.size(int(bytes_)) == said
