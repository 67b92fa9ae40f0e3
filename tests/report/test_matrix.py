from dataclasses import replace

from casemate.core.assessment import Arm
from casemate.report.matrix import canonical, cell_of, family_of, family_title, matrix
from casemate.report.standing import Standing, standing, tally
from report.specimen import CONTROLS, HARDEN, WATCH, empty, judged, only, specimen


def test_columns_go_from_no_controls_to_all() -> None:
    columns = matrix(specimen()).columns
    assert [column.arm for column in columns] == ["bare", *(f"only:{control}" for control in CONTROLS), "full"]
    assert [column.kind for column in columns] == ["bare", *["only"] * 4, "full"]
    assert columns[1].title == HARDEN


def test_rows_follow_the_catalogues_families() -> None:
    found = matrix(specimen())
    assert [family.title for family in found.families] == [
        "Poisoning",
        "Backdoor",
        "Transfer",
        "Evasion",
        "Model extraction",
        "Data extraction",
    ]
    assert [row.attack for row in found.families[3].rows] == ["evasion.pgd", "evasion.hop-skip-jump"]


def test_a_row_holds_its_findings_by_column_and_none_where_a_control_makes_no_claim() -> None:
    row = next(row for row in matrix(specimen()).rows if row.attack == "evasion.pgd")
    arms = [finding.arm if finding else None for finding in row.findings]
    assert arms == ["bare", f"only:{HARDEN}", None, None, f"only:{WATCH}", "full"]
    assert row.bare is row.findings[0]
    assert row.any is row.full is row.findings[-1]


def test_one_control_alone_is_the_whole_system_and_shown_once() -> None:
    record = specimen()
    one = replace(record.system, controls=(HARDEN,))
    arms = (Arm("full", (HARDEN,), (f"only:{HARDEN}",)), Arm("bare", (), (f"without:{HARDEN}",)))
    cells = tuple(cell for cell in record.cells if cell.arm in ("bare", "full"))
    small = judged(record, system=one, arms=arms, cells=cells)
    assert [column.arm for column in matrix(small).columns] == ["bare", "full"]
    finding = next(f for f in small.findings if f.arm == f"only:{HARDEN}" and f.attack == "evasion.pgd")
    cell = cell_of(small, finding)
    assert cell is not None
    assert cell.arm == "full"
    assert canonical(small)[f"without:{HARDEN}"] == "bare"


def test_without_controls_there_is_one_column() -> None:
    record = specimen()
    bare = judged(
        record,
        system=replace(record.system, controls=()),
        arms=(Arm("full", (), ("bare",)),),
        cells=tuple(cell for cell in record.cells if cell.arm == "full"),
    )
    (column,) = matrix(bare).columns
    assert (column.arm, column.title) == ("full", "as it is, without controls")


def test_an_unknown_family_comes_last() -> None:
    record = only("evasion.pgd", "data-extraction.membership-rmia")
    findings = (*record.findings, replace(record.findings[0], attack="house.brand"))
    assert matrix(replace(record, findings=findings)).families[-1].title == "House"
    assert family_of("model-extraction.copycat") == "model_extraction"
    assert family_title("reidentification") == "Re-identification"


def test_nothing_assessed_is_an_empty_matrix() -> None:
    assert matrix(empty()).rows == ()


def test_every_standing_occurs_in_the_specimen_and_is_counted() -> None:
    full = specimen().of("full")
    assert {standing(finding) for finding in full} == set(Standing)
    assert dict(tally(full)) == {**dict.fromkeys(Standing, 1), Standing.HELD: 2}
    assert [kind for kind, _ in tally(full)] == list(Standing)
    assert len({kind.slug for kind in Standing}) == len(Standing)


def test_a_failure_is_never_shown_as_undecided() -> None:
    (finding,) = (f for f in specimen().of("full") if f.attack == "backdoor.badnets")
    assert finding.verdict == "inconclusive"
    assert standing(finding) is Standing.FAILED
