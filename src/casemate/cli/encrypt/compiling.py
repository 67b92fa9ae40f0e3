"""casemate encrypt compile: a trained model becomes a program that runs on encrypted rows."""

from __future__ import annotations

import datetime
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from casemate.cli.encrypt.modelled import Asked, Modelled, modelled
from casemate.cli.encrypt.traced import trace_program
from casemate.cli.page import Page
from casemate.cli.screen import err
from casemate.cli.spinner import spinner
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    from casemate.controls.encrypted_service.compile_model import Asked as Wishes
    from casemate.controls.encrypted_service.compile_model import Compilation


def command(
    model: Path,
    /,
    *,
    calibration: Annotated[str, Parameter(metavar="DATA")] = "",
    target: Annotated[str, Parameter(metavar="COLUMN")] = "",
    classes: Annotated[list[str] | None, Parameter(name="--class", metavar="NAME")] = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    name: str = "",
    tolerance: float | None = None,
    mask_bits: float = 8.0,
    flood: float = 0.0,
    batches: bool = False,
    allow_pickle: bool = False,
    lineage: Annotated[str | None, Parameter(metavar="URL")] = None,
    json: bool = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Turn a trained model into a program that runs on encrypted rows.

    Writes the program, which the server needs and which holds the weights, and beside it NAME.public.json for clients.
    Of a system file, the model is the shipped one, or trained by the recipe as casemate assess does. Linear models and
    trees of depth up to 4 answer as they do in the clear; functions of networks become polynomials, tried on the rows.

    Args:
        model: A system file or its folder, or a model file.
        calibration: Rows like those that will be asked: a file, or sklearn:NAME. Ranges and polynomials come from them.
            Default: the training rows of a system file.
        target: The column of the calibration rows that holds the label, for a model file.
        classes: A class that a model file tells apart; may be repeated, in the order of labels.
        output: Where to write the program. Default: NAME.program here.
        name: What to call it. Default: the name of the system, or of the model file.
        tolerance: How far a score may be off. Default: a hundredth of the scores' standard deviation.
        mask_bits: By how many bits what hides partial sums in answers is larger than they are, at least.
        flood: Noise that the server adds to scores, as a share of the tolerance, from 0 to 1. It hides from clients the
            noise of encryption, which depends on the weights; it does not make scores safe to share.
        batches: Make a linear model answer for 2,048 rows at a time, for who asks about thousands of rows.
        allow_pickle: Read a model from a pickle, after a scan.
        lineage: The lineage store.
        json: Print JSON instead of text.
        quiet: Print nothing.
    """
    from casemate.controls.encrypted_service.compile_model import compile_model
    from casemate.controls.encrypted_service.program_files import write_program

    started = datetime.datetime.now(datetime.UTC)
    with spinner(quiet=quiet) as shown:
        say = shown or _nothing
        say("loading the model")
        given = modelled(model, Asked(calibration, target, classes or (), allow_pickle))
        named = name or given.name
        place = output or Path(f"{named}.program")
        _check_place(place)
        say("searching layouts and parameters")
        wishes = replace(_wishes(given, named), tolerance=tolerance, mask_bits=mask_bits, flood=flood, batches=batches)
        made = compile_model(given.model, given.rows, wishes)
    public = write_program(made.program, place)
    facts = facts_of(made)
    kept = {"semantics": facts["semantics"], "packing": facts["packing"], "tolerance": f"{facts['tolerance']:.3g}"}
    trace_program(named, facts["digest"], place, given.data, started, lineage, kept)
    if quiet:
        return 0
    if json:
        import msgspec

        told = {"program": str(place), "public": str(public), **facts}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
        return 0
    show(named, facts, {"program": place, "public": public})
    for note in given.notes:
        err().print(f"note: {note}", soft_wrap=True)
    return 0


def facts_of(made: Compilation) -> dict[str, Any]:
    """Return what is worth telling of a program, by name; numbers in bytes, bits and seconds."""
    from casemate.controls.encrypted_service.descriptions import read
    from casemate.controls.homomorphic.security import most_bits

    public, terms = made.program.public, made.program.public.terms
    description, chain = read(public.to_bytes()), terms.query.chain
    keys = terms.keys
    return {
        "digest": public.digest,
        "semantics": description.semantics,
        "classes": list(description.classes),
        "features": description.prepare().features,
        "scheme": chain.scheme,
        "packing": str(description.packing["kind"]),
        "degree": chain.degree,
        "primes": [prime.bit_length() for prime in chain.primes],
        "modulus_bits": chain.bits,
        "allowed_bits": most_bits(chain.degree),
        "rotations": len(keys.rotations) if keys else 0,
        "relinearise": bool(keys and keys.relinearise),
        "tolerance": description.tolerance,
        "estimated_error": made.estimated,
        "measured_error": made.facts.get("measured error"),
        "mask_bits": made.facts.get("mask bits"),
        "seconds": made.seconds,
        "rows_per_run": terms.rows,
        "query_bytes": terms.query_bytes(1),
        "reply_bytes": terms.reply_bytes(1),
        "registration_bytes": terms.upload_bytes,
    }


def show(name: str, facts: dict[str, Any], files: dict[str, Path]) -> None:
    """Print what was made."""
    from casemate.report.verification_facts import size
    from casemate.report.words import milliseconds

    page = Page(f"{name}: {facts['semantics']}", f"digest {facts['digest']}")
    mask = facts["mask_bits"]
    page.facts(
        "Answers",
        {
            "takes": f"{facts['features']} features",
            "tells": ", ".join(facts["classes"]) or "a number",
            "tolerance": f"{facts['tolerance']:.3g} of a score; estimated error {facts['estimated_error']:.2g}",
            "measured": "" if facts["measured_error"] is None else f"{facts['measured_error']:.2g} on encrypted rows",
            "masked": "everything but the scores" if mask is None else f"partial sums, by {mask:.1f} bits",
        },
    )
    scheme = facts["scheme"].upper()
    page.facts(
        "Parameters",
        {
            "scheme": f"{scheme}, degree {facts['degree']:,}, numbers in {facts['packing']}",
            "primes": f"{' + '.join(map(str, facts['primes']))} bits",
            "modulus": f"{facts['modulus_bits']} bits, where 128 bits of security allow {facts['allowed_bits']}",
            "rotations": f"{facts['rotations']}{', and products' if facts['relinearise'] else ''}",
        },
    )
    page.facts(
        "Costs of one row" if facts["rows_per_run"] == 1 else f"Costs of up to {facts['rows_per_run']:,} rows",
        {
            "server": f"{milliseconds(facts['seconds'] * 1e3)}, estimated on this machine",
            "query": size(facts["query_bytes"]),
            "reply": size(facts["reply_bytes"]),
            "keys, once": size(facts["registration_bytes"]),
        },
    )
    page.facts("Files", {kind: str(path) for kind, path in files.items()})
    page.show()


def _wishes(given: Modelled, name: str) -> Wishes:
    from casemate.controls.encrypted_service.compile_model import Asked as Wishes
    from casemate.controls.encrypted_service.descriptions import FeatureFile

    columns = given.schema.columns if len(given.schema.shape) == 1 else ()
    features = tuple(FeatureFile(column.name, column.kind, column.categories) for column in columns)
    return Wishes(name, features=features)


def _check_place(place: Path) -> None:
    """Say before the work what would fail after it."""
    if place.is_dir():
        raise CasemateError(f"{place} is a folder", where="--output", fix="name a file in it")
    if not place.absolute().parent.is_dir():
        raise CasemateError(f"there is no folder {place.absolute().parent}", where="--output", fix="make it first")


def _nothing(_: str) -> None:
    """Say nothing: nobody watches."""
