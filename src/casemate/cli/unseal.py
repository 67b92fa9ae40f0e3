"""casemate unseal: decrypt a sealed file."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from casemate.cli import keystore
from casemate.cli.screen import err
from casemate.cli.sealing import bytes_bar, check_target
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    from casemate.controls.encryption import KeyStore

SUFFIX = ".sealed"


def command(
    file: Path,
    /,
    *,
    column: Annotated[list[str] | None, Parameter(metavar="COLUMN")] = None,
    store: Annotated[str, Parameter(metavar="URI")] = keystore.DEFAULT,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    force: bool = False,
    dataset: str | None = None,
    lineage: Annotated[str | None, Parameter(metavar="URL")] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Decrypt a sealed file.

    The file says itself which key it needs. What is written is for its owner's eyes only, and written whole or not at
    all: nothing of a file that was altered or cut off.

    Args:
        file: The sealed file.
        column: A column to take from a sealed Parquet file; may be repeated. Default: all, which takes all keys.
        store: Where the keys are: file:PATH, vault:https://HOST/ENGINE or kms:aws:KEY#PATH.
        output: The open file. Default: the same name without .sealed at its end.
        force: Overwrite the output where it exists.
        dataset: What the lineage calls the data. Default: the file's name.
        lineage: The lineage store.
        quiet: Print no remarks.
    """
    started = datetime.datetime.now(datetime.UTC)
    target = output or _without_suffix(file)
    check_target(file, target, force)
    opened = keystore.opened(store)
    if _is_parquet(file):
        columns, size = _unseal_columns(file, target, opened, column, quiet)
    else:
        columns, size = (), _unseal_whole(file, target, opened, column, quiet)
    _trace(file, target, dataset or target.stem, started, columns, lineage)
    if not quiet:
        err().print(f"unsealed {size:,} {'rows' if columns else 'bytes'} in {target}", soft_wrap=True)
    return 0


def _without_suffix(file: Path) -> Path:
    if file.suffix != SUFFIX:
        raise CasemateError(
            f"{file} does not end in {SUFFIX}",
            why="the open file cannot be named after it",
            fix="name it: --output FILE",
        )
    return file.with_suffix("")


def _is_parquet(file: Path) -> bool:
    from casemate.controls.encryption.parquet import MARK

    with file.open("rb") as opened:
        return opened.read(len(MARK)) == MARK


def _unseal_whole(file: Path, target: Path, store: KeyStore, columns: list[str] | None, quiet: bool) -> int:
    from casemate.controls.encryption import unseal_file

    if columns:
        fix = "leave --column out"
        raise CasemateError(f"{file} is sealed as a whole: it has no columns", where="--column", fix=fix)
    with bytes_bar(file, "unsealing", quiet=quiet) as watch:
        return unseal_file(file, target, store, watch=watch).bytes


def _unseal_columns(
    file: Path, target: Path, store: KeyStore, columns: list[str] | None, quiet: bool
) -> tuple[tuple[str, ...], int]:
    from casemate.cli.progress import rows_bar
    from casemate.controls.encryption.parquet_files import unseal_parquet_file

    with rows_bar(quiet=quiet) as shown:
        watch = None if shown is None else lambda done, total: shown("unsealing", done, total)
        return unseal_parquet_file(file, target, store, columns, watch=watch)


def _trace(
    file: Path,
    target: Path,
    name: str,
    started: datetime.datetime,
    columns: tuple[str, ...],
    lineage: str | None,
) -> None:
    from casemate.cli.tracing import actor, trace
    from casemate.core.digests import file_digest
    from casemate.core.provenance import ColumnEdge, DatasetVersion, Run

    before = DatasetVersion(f"{name}/sealed", file_digest(file), str(file), columns=columns)
    after = DatasetVersion(name, file_digest(target), str(target), columns=columns)
    edges = tuple(ColumnEdge(column, column, "unseal:parquet", "opened for use") for column in columns)
    now = datetime.datetime.now(datetime.UTC)
    trace(Run("casemate unseal", actor(), started, now, (before,), (after,), edges), lineage, same_rows=True)
