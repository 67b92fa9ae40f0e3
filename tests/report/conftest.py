import pytest

from casemate.core.assessment import Assessment
from report.specimen import specimen as made


@pytest.fixture(scope="session")
def specimen() -> Assessment:
    return made()
