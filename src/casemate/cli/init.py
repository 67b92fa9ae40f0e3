"""casemate init: a first system file, written from a look at the data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from casemate.cli.screen import err
from casemate.core.errors import CasemateError


def command(
    train: str,
    /,
    *,
    test: str | None = None,
    target: str | None = None,
    model: str | None = None,
    recipe: Annotated[str | None, Parameter(metavar="MODULE:FUNCTION")] = None,
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("casemate.toml"),
    force: bool = False,
) -> int:
    """Write a commented system file for your data and model.

    What it says of your columns is guessed from their names and values; every guess is marked as one.

    Args:
        train: Training rows: a csv, tsv, parquet, npz or npy file, sklearn:NAME or openml:NAME.
        test: Test rows; a share of the training rows where it is left out.
        target: The column that holds the label; guessed where it is left out.
        model: The model: a file, or the address of an endpoint.
        recipe: The function that trains the model; attacks on training need it.
        output: The file to write.
        force: Overwrite the file where it exists.
    """
    from casemate.controls import controls
    from casemate.systems.propose import propose

    _check_free(output, force)
    text = propose(
        _from_folder(train, output.parent),
        test=_from_folder(test, output.parent) if test else None,
        target=target,
        model=_from_folder(model, output.parent) if model else None,
        recipe=recipe,
        base=output.parent,
        controls=tuple(controls().values()),
    )
    _write(output, text, force)
    err().print(f"wrote {output}", soft_wrap=True)
    if not (model or recipe):
        err().print("next: name a recipe or a model under its [model] table", soft_wrap=True)
    err().print(f"then: casemate assess {output}", soft_wrap=True)
    return 0


def _check_free(output: Path, force: bool) -> None:
    if output.is_dir():
        raise CasemateError(f"{output} is a folder", where="--output", fix=f"--output {output / 'casemate.toml'}")
    if not output.parent.is_dir():
        raise CasemateError(f"the folder {output.parent} does not exist", where="--output", fix="make it first")
    if output.exists() and not force:
        raise CasemateError(
            f"{output} exists",
            why="what somebody wrote into it would be lost",
            fix="name another file with --output, or add --force to overwrite it",
        )


def _write(output: Path, text: str, force: bool) -> None:
    """Write the file; without ``force`` never over one that came to be in the meantime."""
    from casemate.core.files import write_whole

    try:
        if force:
            write_whole(output, text.encode())
        else:
            with output.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except FileExistsError:
        _check_free(output, force)
    except OSError as error:
        raise CasemateError(f"the file cannot be written: {error.strerror}", where=str(output)) from None


def _from_folder(source: str, folder: Path) -> str:
    """Say a path as seen from the system file's folder; names of public data sets and addresses stay as they are."""
    import os

    path = Path(source)
    if path.is_absolute() or not path.exists():
        return source
    return Path(os.path.relpath(path, folder)).as_posix()
