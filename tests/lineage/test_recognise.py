from dataclasses import replace

from casemate.core.provenance import ColumnEdge
from casemate.lineage import Lineage
from casemate.lineage.recognise import recognised
from lineages import PUBLIC, RAW, run, same, version


def seen(lineage: Lineage, made):
    with lineage.store.reading() as connection:
        return recognised(made, connection)


def test_a_known_content_gets_the_name_it_is_known_by(tmp_path):
    with Lineage.open(tmp_path / "lineage.db") as lineage:
        lineage.record(run([RAW], [PUBLIC]))
        copy = replace(PUBLIC, name="another name")
        other = version("other")
        edge = ColumnEdge("age", "age", "join", "why", source_dataset="another name")
        found = seen(lineage, run([copy, other], [version("made")], edge, same("age", source_dataset="other")))
        assert [v.name for v in found.inputs] == ["crm.public", "other"]
        assert [e.source_dataset for e in found.edges] == ["crm.public", "other"]
        assert [v.name for v in found.outputs] == ["made"]


def test_of_several_names_the_callers_own_stays_else_the_newest_wins(tmp_path):
    with Lineage.open(tmp_path / "lineage.db") as lineage:
        lineage.record(run([RAW], [PUBLIC, replace(PUBLIC, name="newer")]))
        own = run([PUBLIC], [])
        assert seen(lineage, own) is own
        assert seen(lineage, run([replace(PUBLIC, name="x")], [])).inputs[0].name == "newer"


def test_what_nobody_knows_stays_as_it_is(tmp_path):
    with Lineage.open(tmp_path / "lineage.db") as lineage:
        made = run([RAW], [PUBLIC])
        assert seen(lineage, made) is made
