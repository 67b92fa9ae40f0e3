"""Query budget: so many rows for each client in a span of time, and no more."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from msgspec import Meta

from casemate.core.control import Control, control
from casemate.core.request import Request

_SECONDS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}


@control(
    "access.query-budget",
    mitigates=("model-extraction", "evasion"),
    limit="an attacker with many accounts (the Sybil attack: Douceur, IPTPS 2002), or with the patience to come back "
    "in the next window",
)
class QueryBudget(Control):
    """Refuse a client's rows once it has asked ``queries`` rows within one ``window``.

    Every row counts, answered or not; of a batch that crosses the limit, the rows up to it are answered. A window is
    ``"minute"``, ``"hour"``, ``"day"`` or a number of seconds; windows follow one another from the epoch on, so that
    all nodes of a gateway agree on them, and a client may spend two budgets around a boundary. Set the budget well
    below what an attack needs, and above what an honest client asks: extraction with natural inputs looks like honest
    use, and nothing but its volume gives it away.

    Source: Juuti, Szyller, Marchal & Asokan, IEEE EuroS&P 2019 (queries that extraction takes); Chen, Jordan &
    Wainwright, IEEE S&P 2020 (queries that a decision-based evasion takes).
    """

    queries: Annotated[int, Meta(ge=0, description="Rows that one client may ask within a window.")] = 1000
    window: Annotated[
        Literal["minute", "hour", "day"] | Annotated[float, Meta(gt=0)],
        Meta(description="The span of time; a number is seconds."),
    ] = "day"

    def on_request(self, request: Request) -> Request:
        """Count the rows; refuse those over the budget."""
        seconds = _SECONDS[self.window] if isinstance(self.window, str) else self.window
        totals = request.tally("access.query-budget", math.floor(request.time / seconds))
        over = f"more than {self.queries} rows within {self._span}"
        return request.refuse(totals > self.queries, "access.query-budget", over)

    @property
    def _span(self) -> str:
        return f"one {self.window}" if isinstance(self.window, str) else f"{self.window:g} seconds"
