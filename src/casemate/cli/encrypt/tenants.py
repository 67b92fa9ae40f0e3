"""casemate encrypt tenants: who may ask a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from casemate.cli.screen import err
from casemate.cli.table import show_table
from casemate.core.errors import CasemateError, KeyExists, UnknownName, did_you_mean

Action = Literal["add", "remove", "list"]
FILE = Path("tenants.json")


def command(
    action: Action,
    name: str = "",
    /,
    *,
    tenants: Path = FILE,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Say who may ask a server, and hand out their tokens.

    A tenant's token proves that a client may use the tenant's name and quota. It does not let anybody read anything.
    A server that runs has to be started again to know of changes.

    Args:
        action: What to do.
        name: The tenant. Not for list.
        tenants: The file of all tenants, for the server's operator alone.
        output: With add: the file for the token, to be handed over in private. Default: NAME.token here.
        quiet: Print nothing.
    """
    from casemate.controls.encrypted_service import tenants as files

    if action == "list":
        if name:
            raise CasemateError("list takes no tenant", fix="casemate encrypt tenants list")
        show_table(["name"], [[one] for one in files.read_tenants(tenants)])
        return 0
    if not name:
        fix = f"casemate encrypt tenants {action} NAME"
        raise CasemateError("which tenant?", where=f"casemate encrypt tenants {action}", fix=fix)
    files.check_tenant(name)
    held = files.read_tenants(tenants) if tenants.exists() or action == "remove" else {}
    if action == "remove":
        if name not in held:
            raise UnknownName(f"there is no tenant {name!r}.{did_you_mean(name, held)}", where=str(tenants))
        del held[name]
        files.write_tenants(tenants, held)
        told = f"removed {name}: its token opens nothing once the server is started again"
    else:
        told = _added(name, held, tenants, output or Path(f"{name}.token"))
    if not quiet:
        err().print(told, soft_wrap=True)
    return 0


def _added(name: str, held: dict[str, bytes], tenants: Path, place: Path) -> str:
    from casemate.controls.encrypted_service import tenants as files
    from casemate.controls.encrypted_service.signing import new_token

    if name in held or place.exists():
        what = f"there is a tenant {name!r} already" if name in held else f"there is a file {place} already"
        raise KeyExists(what, where=str(tenants if name in held else place), fix="choose another name, or remove it")
    token = new_token()
    files.write_token(place, token)
    files.write_tenants(tenants, {**held, name: token})
    return f"added {name}; hand over {place} in private"
