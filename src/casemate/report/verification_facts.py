"""What the reports of a verification say, in words: each a pure function of the record."""

from __future__ import annotations

from casemate.controls.encrypted_service.signed_verification import SignedVerification
from casemate.controls.encrypted_service.verification import Verification, judged
from casemate.report import words

Pairs = tuple[tuple[str, str], ...]


def headline(record: Verification) -> str:
    """Return the verdict in one sentence."""
    if record.verdict == "held":
        same = "the scores" if record.decisions is None else "the decisions"
        return f"On encrypted rows, {record.name} gives {same} that it gives in the clear, and refuses what was altered"
    worst = [check for check in judged(record) if check.verdict == record.verdict]
    told = f"{record.name}: {worst[0].told}"
    return told if record.verdict == "broken" else f"{told}; more rows would tell"


def costs(record: Verification) -> Pairs:
    """Return what a query costs, and what is paid once."""
    sizes = record.sizes
    steps = {
        time.step: f"{words.milliseconds(time.cpu)}, {words.milliseconds(time.wall)} by the clock"
        for time in record.times
    }
    told = {
        "query": size(sizes.query),
        "reply": size(sizes.reply),
        "registration, once": size(sizes.registration),
        "public program": size(sizes.public),
    }
    return (*steps.items(), *told.items())


def queried(record: Verification) -> str:
    """Return what a query holds."""
    return "one row" if record.sizes.rows == 1 else f"up to {record.sizes.rows:,} rows"


def parameters(record: Verification) -> Pairs:
    """Return what security and precision rest on."""
    found, room = record.security, record.headroom
    allowed = [
        (f"allowed by the {name.partition(' (')[0]}", f"{bits} bits ({name.partition(' (')[2]}")
        for name, bits in found.allowed.items()
    ]
    mask = (
        "partial sums never leave the server"
        if room.mask_bits is None
        else f"{room.mask_bits:.1f} bits over partial sums"
    )
    return (
        ("scheme", f"{found.scheme.upper()}, polynomials of degree {found.degree:,}, numbers in {record.kind}"),
        ("primes", f"{' + '.join(map(str, found.primes))} = {found.bits} bits"),
        *allowed,
        ("largest score", f"{room.answer_bits:.1f} of {room.modulus_bits:.1f} bits of an answer's modulus"),
        ("mask", mask),
        (
            "flooding",
            f"noise of standard deviation {room.flood:.2g} on scores, which must not be shared all the same"
            if room.flood
            else "none; scores must not be shared",
        ),
    )


def facts(signed: SignedVerification) -> Pairs:
    """Return what identifies the program, the rows, the machine, and who signed."""
    record = signed.verification
    refused = f"; {words.count(record.refused, 'other')} outside the calibrated ranges" if record.refused else ""
    versions = ", ".join(f"{name} {value}" for name, value in record.environment.items())
    return (
        ("program", record.program),
        ("file", record.file),
        ("semantics", record.semantics),
        ("rows", f"{record.rows}{refused}"),
        ("measured", words.when(record.when)),
        ("on", versions),
        ("signed by", signed.signer.fingerprint),
        ("signature", signed.signature),
    )


def size(count: int) -> str:
    """Return a number of bytes as people read it."""
    if count < 100_000:
        return f"{count:,} bytes"
    return f"{count / 1e3:,.0f} kB" if count < 1e6 else f"{count / 1e6:,.1f} MB"
