"""casemate seal: encrypt a file under a key of the key store."""

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

Groups = dict[str, tuple[str, ...]]


def command(
    file: Path,
    /,
    *,
    key: str,
    group: Annotated[list[str] | None, Parameter(metavar="KEY=COLUMN,...")] = None,
    store: Annotated[str, Parameter(metavar="URI")] = keystore.DEFAULT,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    force: bool = False,
    dataset: str | None = None,
    lineage: Annotated[str | None, Parameter(metavar="URL")] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Encrypt a file under a key of the key store.

    Any file is sealed as a whole, in constant memory: AES-256-GCM, in which nothing can be altered, moved or cut off
    unseen. With --group a Parquet file stays one that pyarrow reads, each group of columns under a key of its own:
    shredding that key makes exactly those columns unreadable. The open file stays where it is.

    Args:
        file: The file.
        key: The key; with --group, that of all other columns and of the footer.
        group: Columns of a Parquet file under another key; may be repeated.
        store: Where the keys are: file:PATH, vault:https://HOST/ENGINE or kms:aws:KEY#PATH.
        output: The sealed file. Default: the same name with .sealed at its end.
        force: Overwrite the output where it exists.
        dataset: What the lineage calls the data. Default: the file's name.
        lineage: The lineage store.
        quiet: Print no remarks.
    """
    started = datetime.datetime.now(datetime.UTC)
    target = output or file.parent / (file.name + SUFFIX)
    check_target(file, target, force)
    opened = keystore.opened(store)
    groups = _groups(group or [])
    if groups:
        columns, size = _seal_columns(file, target, opened, groups, key, quiet)
        facts = {"key": key, **{f"key of {', '.join(names)}": name for name, names in groups.items()}}
    else:
        columns, size = (), _seal_whole(file, target, opened, key, quiet)
        facts = {"key": key}
    _trace(file, target, dataset or file.stem, started, columns, facts, lineage)
    if not quiet:
        err().print(
            f"sealed {size:,} {'rows' if groups else 'bytes'} in {target}; {file} is still there, for all to read",
            soft_wrap=True,
        )
    return 0


def _seal_whole(file: Path, target: Path, store: KeyStore, key: str, quiet: bool) -> int:
    from casemate.controls.encryption import seal_file

    with bytes_bar(file, "sealing", quiet=quiet) as watch:
        return seal_file(file, target, store, key, watch=watch).bytes


def _seal_columns(
    file: Path, target: Path, store: KeyStore, groups: Groups, rest: str, quiet: bool
) -> tuple[tuple[str, ...], int]:
    from casemate.cli.progress import rows_bar
    from casemate.controls.encryption.parquet_files import seal_parquet_file

    with rows_bar(quiet=quiet) as shown:
        watch = None if shown is None else lambda done, total: shown("sealing", done, total)
        return seal_parquet_file(file, target, groups, store, rest=rest, watch=watch)


def _groups(given: list[str]) -> Groups:
    groups: Groups = {}
    for text in given:
        key, equals, columns = text.partition("=")
        if not (key and equals and columns):
            raise CasemateError(f"{text!r} is not KEY=COLUMN,...", where="--group", fix="--group people.pii=name,age")
        groups[key] = (*groups.get(key, ()), *columns.split(","))
    return groups


def _trace(
    file: Path,
    target: Path,
    name: str,
    started: datetime.datetime,
    columns: tuple[str, ...],
    facts: dict[str, str],
    lineage: str | None,
) -> None:
    from casemate.cli.tracing import actor, trace
    from casemate.core.digests import file_digest
    from casemate.core.provenance import ColumnEdge, DatasetVersion, Run

    before = DatasetVersion(name, file_digest(file), str(file), columns=columns)
    after = DatasetVersion(f"{name}/sealed", file_digest(target), str(target), columns=columns)
    edges = tuple(ColumnEdge(column, column, "seal:parquet", "encrypted at rest") for column in columns)
    now = datetime.datetime.now(datetime.UTC)
    trace(Run("casemate seal", actor(), started, now, (before,), (after,), edges, facts=facts), lineage, same_rows=True)
