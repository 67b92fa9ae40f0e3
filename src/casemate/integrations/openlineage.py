"""OpenLineage: lineage as events of the open standard, out of and into the store.

Source: OpenLineage specification 2-0-2, with ColumnLineageDatasetFacet 1-2-0.
"""

from casemate.integrations.openlineage_check import check
from casemate.integrations.openlineage_in import ingest, lines, read
from casemate.integrations.openlineage_out import NAMESPACE, events
from casemate.integrations.openlineage_store import BroughtIn, bring_in
from casemate.integrations.openlineage_transport import File, Http, Transport, emit

__all__ = [
    "NAMESPACE",
    "BroughtIn",
    "File",
    "Http",
    "Transport",
    "bring_in",
    "check",
    "emit",
    "events",
    "ingest",
    "lines",
    "read",
]
