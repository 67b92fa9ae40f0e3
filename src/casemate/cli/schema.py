"""casemate schema: the JSON Schema of the system file, or of the privacy policy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from casemate.cli.screen import err


def command(
    *,
    of: Literal["system", "policy"] = "system",
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
) -> int:
    """Print the JSON Schema of the system file, for editors.

    It knows every installed control and its options.

    Args:
        of: The system file, or the privacy policy.
        output: Write it to this file instead.
    """
    import msgspec

    from casemate.core.files import write_whole

    text = msgspec.json.format(msgspec.json.encode(_schema(of)), indent=2) + b"\n"
    if output is None:
        sys.stdout.write(text.decode())
    else:
        write_whole(output, text)
        err().print(f"wrote {output}")
    return 0


def _schema(of: Literal["system", "policy"]) -> dict[str, Any]:
    if of == "policy":
        from casemate.controls.privacy.policy import policy_schema

        return policy_schema()
    from casemate.controls import controls
    from casemate.systems.json_schema import json_schema

    return json_schema(controls().values())
