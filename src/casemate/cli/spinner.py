"""A spinner on stderr for work of which nobody knows how much there is: it says what is being done right now."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from casemate.cli.screen import err, watched


@contextmanager
def spinner(*, quiet: bool = False) -> Iterator[Callable[[str], None] | None]:
    """Yield what to call with each thing that is begun; None where nobody watches."""
    if quiet or not watched(sys.stderr):
        yield None
        return
    with err().status("starting") as shown:
        yield shown.update
