"""casemate schema: the JSON Schema of the system file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from casemate.cli.screen import err


def command(*, output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None) -> int:
    """Print the JSON Schema of the system file, for editors.

    It knows every installed control and its options.

    Args:
        output: Write it to this file instead.
    """
    import msgspec

    from casemate.controls import controls
    from casemate.core.files import write_whole
    from casemate.systems.json_schema import json_schema

    text = msgspec.json.format(msgspec.json.encode(json_schema(controls().values())), indent=2) + b"\n"
    if output is None:
        sys.stdout.write(text.decode())
    else:
        write_whole(output, text)
        err().print(f"wrote {output}")
    return 0
